-- Forget a batch of jobs that are not running, with their ids and attempts. What is moved meanwhile is looked at again.
WITH batch AS MATERIALIZED (
    SELECT seq FROM queuectl.jobs
    WHERE seq > %(after)s AND seq <= %(last)s AND state <> 'processing'
    ORDER BY seq
    LIMIT %(limit)s
), gone AS (
    DELETE FROM queuectl.jobs
    WHERE seq = ANY(ARRAY(SELECT seq FROM batch)) AND state <> 'processing'
    RETURNING seq, id, queue, key, state
), opened AS (
    -- What others were held for may have been ready.
    INSERT INTO queuectl.openings (holder, at)
    SELECT DISTINCT holder, clock_timestamp()
    FROM (
        SELECT 'key:' || key AS holder FROM gone WHERE key IS NOT NULL
        UNION ALL
        SELECT 'queue:' || queue FROM gone WHERE EXISTS (SELECT FROM queuectl.queues WHERE name = gone.queue)
    ) AS holders
), {forget}
SELECT seq FROM gone;
