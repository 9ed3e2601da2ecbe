-- What is selected of the jobs that wait for their first run, in the order in which it will run; or of those of the
-- future alone.
SELECT seq FROM queuectl.unfinished, (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock
WHERE state = 'pending' AND (NOT %(scheduled)s OR (NOT ready AND next_run_at > now)) AND {selected}
ORDER BY
    CASE WHEN ready THEN now ELSE greatest(next_run_at, now) END,
    CASE WHEN ready OR next_run_at <= now THEN -priority END,
    CASE WHEN ready OR next_run_at <= now THEN created_at END,
    seq
LIMIT nullif(%(limit)s, -1);
