-- A job in the hands of a worker.
SELECT id FROM jobs WHERE state = 'processing' LIMIT 1;
