-- Tie the jobs just added to what they wait for. Called after `unknown_parent`: all come before them, so no circle arises.
INSERT INTO queuectl.dependencies (child, parent, parent_id, condition)
SELECT
    incoming.seq, (SELECT job_ids.seq FROM queuectl.job_ids WHERE job_ids.id = wanted ->> 0), wanted ->> 0, wanted ->> 1
FROM incoming, jsonb_array_elements(incoming.after) AS wanted
ON CONFLICT DO NOTHING;
