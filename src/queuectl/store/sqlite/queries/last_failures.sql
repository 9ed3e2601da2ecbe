-- The jobs that failed last, and have not completed since. Index: jobs_failures.
SELECT job.*
FROM (
    SELECT seq, ended_at FROM jobs WHERE state IN ('failed', 'dead') ORDER BY ended_at DESC, seq DESC LIMIT :limit
) AS last
JOIN job ON job.seq = last.seq
ORDER BY last.ended_at DESC, last.seq DESC;
