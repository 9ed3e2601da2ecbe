-- Jobs of one final state, last finished first. Each state has its own tables, and two of these give nothing: so the
-- indexes alone are read, in their order. Indexes: jobs_dead_finished, jobs_completed_finished, jobs_cancelled_finished.
(SELECT seq FROM queuectl.dead WHERE %(state)s = 'dead'
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1))
UNION ALL
(SELECT seq FROM queuectl.completed WHERE %(state)s = 'completed'
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1))
UNION ALL
(SELECT seq FROM queuectl.cancelled WHERE %(state)s = 'cancelled'
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1));
