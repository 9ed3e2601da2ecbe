-- The first gathered job whose id is taken, whether by this very insert, and the state of the job that has it; no
-- state when it comes twice among the gathered ones. Called when `take_gathered` met a taken id.
SELECT
    incoming.id, coalesce(job_ids.enqueue_key = %(enqueue_key)s, false),
    (SELECT state FROM queuectl.jobs WHERE jobs.seq = job_ids.seq)
FROM incoming LEFT JOIN queuectl.job_ids ON job_ids.id = incoming.id
WHERE job_ids.id IS NOT NULL OR incoming.id IN (SELECT id FROM incoming GROUP BY id HAVING count(*) > 1)
ORDER BY incoming.seq
LIMIT 1;
