-- What is selected of the jobs of one final state, last finished first. Each state has its own tables.
(SELECT seq FROM queuectl.dead WHERE %(state)s = 'dead' AND {selected}
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1))
UNION ALL
(SELECT seq FROM queuectl.completed WHERE %(state)s = 'completed' AND {selected}
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1))
UNION ALL
(SELECT seq FROM queuectl.cancelled WHERE %(state)s = 'cancelled' AND {selected}
 ORDER BY finished_at DESC, seq DESC LIMIT nullif(%(limit)s, -1));
