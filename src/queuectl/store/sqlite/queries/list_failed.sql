-- What will be retried, in the order of the times. Index: jobs_failed.
SELECT seq FROM jobs WHERE state = 'failed' ORDER BY next_run_at, seq LIMIT :limit;
