-- Count all jobs.
INSERT INTO queuectl.counts (queue, state, n) SELECT queue, state, count(*) FROM queuectl.jobs GROUP BY queue, state;
