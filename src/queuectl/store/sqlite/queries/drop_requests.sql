-- Forget what was asked of runs that are over. Called in each round: a run that ends has to look for nothing.
DELETE FROM requests
WHERE NOT EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.seq = requests.seq AND jobs.attempt = requests.attempt AND jobs.state = 'processing'
);
