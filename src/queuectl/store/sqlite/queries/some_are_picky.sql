-- How many workers there are, if one of them serves some queues only; else 0.
SELECT iif(EXISTS (SELECT 1 FROM workers WHERE queues IS NOT NULL), (SELECT count(*) FROM workers), 0);
