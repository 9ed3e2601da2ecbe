-- Jobs that are selected, whatever their state, newest first.
SELECT seq FROM queuectl.jobs WHERE {selected} ORDER BY seq DESC LIMIT nullif(%(limit)s, -1);
