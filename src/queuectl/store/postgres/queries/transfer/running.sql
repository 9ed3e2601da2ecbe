-- A job in the hands of a worker.
SELECT id FROM queuectl.unfinished WHERE state = 'processing' LIMIT 1;
