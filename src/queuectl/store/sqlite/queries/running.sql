-- Every job in the hands of a worker, oldest claim first. Called by the rescue. Index: jobs_processing.
SELECT job.*, workers.id, workers.pid, workers.started, workers.boot, workers.home, workers.host,
    workers.version, workers.stopping_at
FROM job LEFT JOIN workers ON workers.id = job.worker
WHERE job.state = 'processing'
ORDER BY job.started_at, job.seq;
