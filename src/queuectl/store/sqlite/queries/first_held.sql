-- The limit of the key of a job that is held by something; no row when none is. Index: jobs_held.
-- (SELECT :holder): see `standing`.
SELECT key_limit FROM jobs WHERE held_by = (SELECT :holder) ORDER BY queue, priority DESC, created_at, seq LIMIT 1;
