-- What is paused, by queue, in the order in which it would run. Index: jobs_held.
SELECT * FROM job WHERE held_by = :held_by ORDER BY queue, priority DESC, created_at, seq LIMIT :limit;
