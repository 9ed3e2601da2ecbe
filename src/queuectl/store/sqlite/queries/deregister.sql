-- Forget a worker that holds no job. Index: jobs_processing.
DELETE FROM workers
WHERE id = :worker AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'processing' AND worker = :worker);
