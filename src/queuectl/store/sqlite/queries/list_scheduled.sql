-- What waits for a time, in the order of the times. Index: jobs_scheduled.
SELECT seq FROM jobs
WHERE ready = 0 AND state = 'pending' AND held_by IS NULL AND next_run_at > :now
ORDER BY next_run_at, seq
LIMIT :limit;
