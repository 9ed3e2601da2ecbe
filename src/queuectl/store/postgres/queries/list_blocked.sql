-- What waits for its parents. Index: jobs_blocked.
SELECT seq FROM queuectl.unfinished WHERE state = 'blocked' ORDER BY seq LIMIT nullif(%(limit)s, -1);
