-- Keep those from being forgotten that jobs which were put aside wait for, and from being changed by anybody else
-- until these are linked to them. In an order, so that nobody waits in a circle.
SELECT FROM queuectl.jobs
WHERE seq = ANY(ARRAY(
    SELECT (SELECT job_ids.seq FROM queuectl.job_ids WHERE job_ids.id = wanted ->> 0)
    FROM incoming, jsonb_array_elements(incoming.after) AS wanted
))
ORDER BY seq
FOR UPDATE;
