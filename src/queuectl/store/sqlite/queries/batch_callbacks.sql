-- What waits for a batch, or has run at its end, in the order in which it was enqueued. Index: jobs_batch.
SELECT * FROM job
WHERE batch = :batch AND batch_role IN ('then', 'catch', 'finally')
ORDER BY seq;
