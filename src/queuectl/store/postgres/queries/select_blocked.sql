-- What is selected of the blocked jobs. Index: jobs_blocked.
SELECT seq FROM queuectl.unfinished WHERE state = 'blocked' AND {selected} ORDER BY seq LIMIT nullif(%(limit)s, -1);
