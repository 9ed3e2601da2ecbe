-- Begin a transfer at this end.
INSERT INTO queuectl.transfers (stage, id, place, queue) VALUES (%(stage)s, %(id)s, %(place)s, %(queue)s);
