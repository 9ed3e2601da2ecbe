-- The first gathered job whose id is taken, and the state of the job that has it; no state when it comes twice among
-- the gathered ones. Called when `enqueue_gathered` met a taken id.
SELECT id, (SELECT state FROM main.jobs WHERE jobs.id = incoming.id) AS taken
FROM temp.incoming
WHERE taken IS NOT NULL OR id IN (SELECT id FROM temp.incoming GROUP BY id HAVING count(*) > 1)
ORDER BY rowid
LIMIT 1;
