-- Whether there is any job: a row if so.
SELECT 1 FROM jobs LIMIT 1;
