-- Let the server know what it has been given before anybody asks for it.
ANALYZE queuectl.jobs, queuectl.job_ids, queuectl.attempts, queuectl.durations;
