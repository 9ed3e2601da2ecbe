-- How many jobs of a key run. Called by claims of jobs that have one. Index: jobs_running_key.
SELECT count(*) FROM jobs WHERE state = 'processing' AND key = :key;
