-- The largest number that was given to a job so far.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM queuectl.job_ids_seq_seq;
