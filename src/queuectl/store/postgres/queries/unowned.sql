-- Jobs that have been for long in the hands of a worker that nobody knows: it claimed them while its registration was
-- taken, or who rescued them died in between. In the form of `expired`. Index: jobs_processing.
SELECT job.*, NULL::timestamptz
FROM queuectl.job
WHERE job.state = 'processing'
    AND job.started_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp())) - %(age)s::double precision * interval '1 second'
    AND NOT EXISTS (SELECT FROM queuectl.workers WHERE workers.id = job.worker)
ORDER BY job.started_at, job.seq;
