-- The jobs in the hands of the workers of one home in one boot, oldest claim first. Asked by every worker each second,
-- so its cost must not grow with the number of machines. Indexes: workers_by_home, jobs_processing.
SELECT job.*, workers.id, workers.pid, workers.started, workers.boot, workers.home, workers.host,
    workers.version, workers.stopping_at
FROM queuectl.workers JOIN queuectl.job ON job.worker = workers.id
WHERE workers.home = %(home)s AND workers.boot = %(boot)s AND job.state = 'processing'
ORDER BY job.started_at, job.seq;
