-- Newest first.
SELECT seq FROM queuectl.jobs ORDER BY seq DESC LIMIT nullif(%(limit)s, -1);
