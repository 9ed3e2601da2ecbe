-- Hold what may not start of a key while so many of it run, among the jobs that would run next. Index: jobs_ready.
UPDATE jobs SET ready = 0, held_by = 'key:' || key
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq, key, key_limit FROM jobs WHERE ready = 1 ORDER BY priority DESC, created_at, seq LIMIT 1000
    ) AS next
    WHERE next.key = :key AND next.key_limit <= :running
);
