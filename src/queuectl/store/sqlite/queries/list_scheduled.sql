-- What waits for a time, in the order of the times. Index: jobs_due.
SELECT seq FROM jobs
WHERE ready = 0 AND next_run_at IS NOT NULL AND next_run_at > :now AND state = 'pending'
ORDER BY next_run_at, seq
LIMIT :limit;
