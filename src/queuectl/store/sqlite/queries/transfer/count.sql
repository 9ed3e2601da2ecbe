-- Count all jobs.
INSERT INTO counts (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state;
