-- The number of the newest migration that was carried out, and the id of the queue.
SELECT max(number), (SELECT id FROM queuectl.identity) FROM queuectl.migrations;
