-- What waits for a time, in the order of the times. Index: jobs_scheduled.
SELECT seq FROM queuectl.unfinished
WHERE NOT ready AND state = 'pending' AND held_by IS NULL
    AND next_run_at > (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
ORDER BY next_run_at, seq
LIMIT nullif(%(limit)s, -1);
