-- How many jobs of a batch are in each state. Index: jobs_batch.
SELECT batch, state, count(*) FROM jobs
WHERE batch = :batch AND batch_role IS NULL
GROUP BY batch, state;
