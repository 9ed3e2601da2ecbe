-- Let due jobs run, the longest due first. Called by a claim that found none ready, or some due.
-- By an array: a join with so many rows as there may be would read all others, too. Index: jobs_due.
WITH due AS MATERIALIZED (
    SELECT seq FROM queuectl.unfinished
    WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL
        AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
    ORDER BY next_run_at, seq
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
UPDATE queuectl.unfinished SET ready = true WHERE seq = ANY(ARRAY(SELECT seq FROM due));
