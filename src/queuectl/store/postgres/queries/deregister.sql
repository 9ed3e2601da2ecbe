-- Forget a worker that holds no job. Index: jobs_processing.
DELETE FROM queuectl.workers
WHERE id = %(worker)s
    AND NOT EXISTS (SELECT FROM queuectl.unfinished WHERE state = 'processing' AND worker = %(worker)s);
