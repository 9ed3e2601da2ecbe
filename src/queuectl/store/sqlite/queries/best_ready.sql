-- The job to run next. Called by every claim, under the write lock. Index: jobs_ready.
SELECT * FROM job WHERE ready = 1 ORDER BY priority DESC, created_at, seq LIMIT 1;
