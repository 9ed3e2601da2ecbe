-- The first of the jobs just added that waits for one that is not there, or does not come before it: its own id, that of
-- the other, and whether that one is there. Each is looked up by itself: a join with so many as there may be would read
-- all ids.
SELECT id, parent, found IS NOT NULL
FROM (
    SELECT
        incoming.seq, incoming.id, wanted ->> 0 AS parent,
        (SELECT job_ids.seq FROM queuectl.job_ids WHERE job_ids.id = wanted ->> 0) AS found
    FROM incoming, jsonb_array_elements(incoming.after) AS wanted
) AS link
WHERE found IS NULL OR found >= seq
ORDER BY seq
LIMIT 1;
