-- Counts: those that were summed up, and what has changed them since.
SELECT queue, state, sum(n)::bigint
FROM (SELECT queue, state, n FROM queuectl.counts UNION ALL SELECT queue, state, n FROM queuectl.count_changes) AS c
GROUP BY queue, state
HAVING sum(n) > 0;
