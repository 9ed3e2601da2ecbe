-- The jobs that failed last, and have not completed since: the last of the failed and of the dead ones, which are in
-- tables of their own, and of these the last. Indexes: jobs_failures, jobs_deaths.
SELECT job.*
FROM (
    (SELECT seq, ended_at FROM queuectl.unfinished WHERE state = 'failed'
     ORDER BY ended_at DESC, seq DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT seq, ended_at FROM queuectl.dead ORDER BY ended_at DESC, seq DESC LIMIT %(limit)s)
    ORDER BY ended_at DESC, seq DESC
    LIMIT %(limit)s
) AS last
JOIN queuectl.job ON job.seq = last.seq AND job.state IN ('failed', 'dead')
ORDER BY last.ended_at DESC, last.seq DESC;
