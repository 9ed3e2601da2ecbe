-- Every worker that is known, with its job, oldest first. Index: jobs_processing.
SELECT
    id, pid, started, boot, home, host, version, registered_at, stopping_at,
    (SELECT jobs.id FROM jobs WHERE state = 'processing' AND jobs.worker = workers.id)
FROM workers
ORDER BY registered_at, id;
