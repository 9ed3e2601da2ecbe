-- Begin a transfer at this end.
INSERT INTO transfers (stage, id, place, queue) VALUES (:stage, :id, :place, :queue);
