-- Forget what was asked of runs that are over. Called in each round: a run that ends has to look for nothing.
DELETE FROM queuectl.requests
WHERE NOT EXISTS (
    SELECT FROM queuectl.unfinished AS job
    WHERE job.seq = requests.seq AND job.attempt = requests.attempt AND job.state = 'processing'
);
