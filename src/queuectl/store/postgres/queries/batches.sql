-- How many jobs of each batch are in each state, by name. Index: jobs_batch.
SELECT batch, state, count(*) FROM queuectl.jobs
WHERE batch IS NOT NULL AND batch_role IS NULL
GROUP BY batch, state
ORDER BY batch;
