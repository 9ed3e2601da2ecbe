-- What will be retried, in the order in which it will run: what may run now as claims take it, then the rest in the
-- order of the times. Index: jobs_failed. The bound without a meaning lets the planner think of few due jobs; it would
-- rather read the whole table otherwise.
(SELECT seq FROM queuectl.unfinished
 WHERE state = 'failed' AND next_run_at > '-infinity'
     AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
 ORDER BY priority DESC, created_at, seq
 LIMIT nullif(%(limit)s, -1))
UNION ALL
(SELECT seq FROM queuectl.unfinished
 WHERE state = 'failed' AND next_run_at > (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
 ORDER BY next_run_at, seq
 LIMIT nullif(%(limit)s, -1))
LIMIT nullif(%(limit)s, -1);
