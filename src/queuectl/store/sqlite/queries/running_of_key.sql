-- How many jobs of a key run. Called by claims of jobs that have one; it looks through all that runs.
-- Index: jobs_processing.
SELECT count(*) FROM jobs WHERE state = 'processing' AND key = :key;
