-- What is paused, in the order in which it would run. Index: jobs_held.
SELECT * FROM job WHERE held_by = :held_by ORDER BY priority DESC, created_at, seq LIMIT :limit;
