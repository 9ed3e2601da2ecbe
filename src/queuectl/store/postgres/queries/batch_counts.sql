-- How many jobs of a batch are in each state. Index: jobs_batch.
SELECT batch, state, count(*) FROM queuectl.jobs
WHERE batch = %(batch)s AND batch_role IS NULL
GROUP BY batch, state;
