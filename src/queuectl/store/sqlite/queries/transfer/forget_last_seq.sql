-- Forget a largest number that is smaller than that of a job, which was given elsewhere.
DELETE FROM sqlite_sequence WHERE name = 'jobs' AND seq < :seq;
