-- Forget a batch of jobs that are not running, with their ids and attempts. What is moved meanwhile is looked at again.
WITH batch AS MATERIALIZED (
    SELECT seq FROM queuectl.jobs
    WHERE seq > %(after)s AND seq <= %(last)s AND state <> 'processing'
    ORDER BY seq
    LIMIT %(limit)s
), gone AS (
    DELETE FROM queuectl.jobs
    WHERE seq = ANY(ARRAY(SELECT seq FROM batch)) AND state <> 'processing'
    RETURNING seq, id, queue, state
), {forget}
SELECT seq FROM gone;
