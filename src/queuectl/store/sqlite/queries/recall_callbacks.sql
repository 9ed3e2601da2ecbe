-- Let the jobs wait again that were given up when their batch had ended: it goes on. As `recall`. Index: jobs_batch.
UPDATE jobs
SET state = :state, finished_at = NULL, last_error = NULL
WHERE batch = :batch AND batch_role IS NOT NULL AND state = 'cancelled' AND attempt = 0 AND last_error IS NOT NULL
RETURNING seq, queue, followed, batch, batch_role;
