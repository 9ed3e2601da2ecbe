-- What runs, newest first: at most a row per worker. Index: jobs_processing.
SELECT seq FROM queuectl.unfinished WHERE state = 'processing' ORDER BY seq DESC LIMIT nullif(%(limit)s, -1);
