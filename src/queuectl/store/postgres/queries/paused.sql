-- What is paused, by queue, in the order in which it would run. The states say in which partition it is. Index: jobs_held.
SELECT * FROM queuectl.job
WHERE held_by = %(held_by)s AND state IN ('pending', 'blocked', 'processing', 'failed')
ORDER BY queue, priority DESC, created_at, seq
LIMIT %(limit)s;
