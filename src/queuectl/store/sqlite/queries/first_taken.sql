-- The first gathered job whose id is taken, and that job's state. Called when `enqueue_gathered` met a taken id.
SELECT incoming.id, jobs.state
FROM temp.incoming JOIN main.jobs ON jobs.id = incoming.id
ORDER BY incoming.rowid
LIMIT 1;
