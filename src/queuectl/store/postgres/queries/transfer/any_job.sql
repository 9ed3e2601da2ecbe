-- Whether there is any job: a row if so.
SELECT 1 FROM queuectl.job_ids LIMIT 1;
