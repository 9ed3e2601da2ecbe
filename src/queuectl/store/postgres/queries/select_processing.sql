-- What is selected of the jobs that run, newest first: at most a row per worker. Index: jobs_processing.
SELECT seq FROM queuectl.unfinished
WHERE state = 'processing' AND {selected}
ORDER BY seq DESC
LIMIT nullif(%(limit)s, -1);
