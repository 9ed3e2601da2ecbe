-- Every worker that is known, with its job, oldest first. Index: jobs_processing.
SELECT
    id, pid, started, boot, home, host, version, max(0, :now - registered_at) / 1e6, stopping_at,
    (SELECT jobs.id FROM jobs WHERE state = 'processing' AND jobs.worker = workers.id),
    0, queues, 9e999  -- without requests to stop, and leases
FROM workers
ORDER BY registered_at, id;
