-- Every worker whose lease is not over, with its job, oldest first: nothing else tells that those of other machines
-- live. One that was asked to stop counts as stopping before it has heard of it. Index: jobs_processing.
SELECT
    id, pid, started, boot, home, host, version,
    greatest(0, extract(epoch FROM clock_timestamp() - registered_at))::double precision,
    coalesce(
        stopping_at, CASE WHEN EXISTS (
            SELECT FROM queuectl.stops WHERE stops.host = workers.host AND number > after_stop
        ) THEN registered_at END
    ),
    -- Two, for a moment, when a server that hung has carried out a claim late.
    (SELECT job.id FROM queuectl.unfinished AS job
     WHERE job.state = 'processing' AND job.worker = workers.id
     ORDER BY job.started_at
     LIMIT 1) AS holds,
    after_stop, queues, extract(epoch FROM lease_until - clock_timestamp())::double precision
FROM queuectl.workers
WHERE lease_until > clock_timestamp()
ORDER BY registered_at, workers.id;
