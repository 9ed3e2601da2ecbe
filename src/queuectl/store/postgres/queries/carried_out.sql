-- Forget requests that have been carried out.
DELETE FROM queuectl.requests WHERE number = ANY(%(numbers)s::bigint[]);
