-- Forget workers that others may take the jobs of, and give these jobs, with whether their worker had begun to stop.
-- A renewal of the same moment waits, and then finds no lease. All workers are read for it (an index of what each
-- renewal changes would cost more), but ten times a second at most, however many ask. Index: jobs_processing.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), round AS (
    UPDATE queuectl.rounds SET begun_at = clock.now
    FROM clock
    WHERE name = 'expired' AND (begun_at <= clock.now - interval '0.1 second' OR begun_at > clock.now)
    RETURNING name
), gone AS (
    DELETE FROM queuectl.workers
    WHERE rescue_at <= (SELECT now FROM clock) AND (SELECT name FROM round) IS NOT NULL
    RETURNING id, stopping_at
)
SELECT job.*, gone.stopping_at
FROM gone JOIN queuectl.job ON job.worker = gone.id AND job.state = 'processing'
ORDER BY job.started_at, job.seq;
