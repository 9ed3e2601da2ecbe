-- The largest number that was given to a job so far.
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'jobs';
