-- Hold what may not start of a key while so many of it run. Index: jobs_ready_key.
UPDATE jobs SET ready = 0, held_by = 'key:' || key
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE ready = 1 AND key = :key AND key_limit <= :running
    ORDER BY priority DESC, created_at, seq
    LIMIT 1000
);
