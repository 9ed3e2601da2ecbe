-- What waits for its first run, in the order in which it will run: what is ready, among it what the next claim will
-- promote, then the rest in the order of the times, and what is held. Indexes: jobs_ready, jobs_scheduled, jobs_held.
WITH due AS MATERIALIZED (
    SELECT seq, priority, created_at FROM queuectl.unfinished
    WHERE NOT ready AND state = 'pending' AND held_by IS NULL
        AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
    ORDER BY next_run_at, seq
    LIMIT 1000
)
(SELECT seq FROM (
    (SELECT seq, priority, created_at FROM queuectl.unfinished
     WHERE ready AND state = 'pending'
     ORDER BY priority DESC, created_at, seq
     LIMIT nullif(%(limit)s, -1))
    UNION ALL
    SELECT seq, priority, created_at FROM due
 ) AS now
 ORDER BY priority DESC, created_at, seq)
UNION ALL
(SELECT seq FROM queuectl.unfinished
 WHERE NOT ready AND state = 'pending' AND held_by IS NULL
 ORDER BY next_run_at, seq
 LIMIT nullif(%(limit)s, -1)
 OFFSET (SELECT count(*) FROM due))
UNION ALL
(SELECT seq FROM queuectl.unfinished
 WHERE held_by IS NOT NULL AND state = 'pending'
 ORDER BY held_by, queue, priority DESC, created_at, seq
 LIMIT nullif(%(limit)s, -1))
LIMIT nullif(%(limit)s, -1);
