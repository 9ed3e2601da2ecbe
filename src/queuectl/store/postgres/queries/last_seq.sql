-- The largest number given so far.
SELECT max(seq) FROM queuectl.jobs;
