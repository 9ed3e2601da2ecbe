-- Count the jobs that are `gone`, and free their ids and attempts. No foreign key can do it: `seq` alone is no key of a
-- table with partitions. By arrays: joins with so many rows as there may be would read whole tables.
counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, state, -count(*) FROM gone GROUP BY queue, state
), freed AS (
    DELETE FROM queuectl.job_ids
    WHERE id = ANY(ARRAY(SELECT id FROM gone)) AND (id, seq) IN (SELECT id, seq FROM gone)
), forgotten AS (
    DELETE FROM queuectl.attempts WHERE seq = ANY(ARRAY(SELECT seq FROM gone))
), untied AS (
    DELETE FROM queuectl.dependencies WHERE child = ANY(ARRAY(SELECT seq FROM gone))
)
