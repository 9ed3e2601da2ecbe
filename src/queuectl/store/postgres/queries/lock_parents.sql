-- Keep the jobs that were put aside from missing the end of those that they wait for; these are changed by nobody else
-- until they are linked. In an order, so that nobody waits in a circle.
SELECT FROM queuectl.jobs
WHERE seq = ANY(ARRAY(
    SELECT (SELECT job_ids.seq FROM queuectl.job_ids WHERE job_ids.id = wanted ->> 0)
    FROM incoming, jsonb_array_elements(incoming.after) AS wanted
))
ORDER BY seq
FOR UPDATE;
