-- How things stand with a queue for which something is set: its limits; whether it is paused, and until when; how many of
-- its jobs run; the number of the last start that its rate counts, and when the first of those was that are as many as
-- the rate allows. Called by claims. Index: jobs_processing.
SELECT
    concurrency, rate, rate_period,
    paused_at IS NOT NULL AND coalesce(paused_until > :now, 1), paused_until,
    iif(concurrency IS NULL, 0, (SELECT count(*) FROM jobs WHERE state = 'processing' AND jobs.queue = :queue)),
    last.number,
    (SELECT at FROM starts WHERE starts.queue = :queue AND starts.number = last.number - rate + 1)
FROM
    queues,
    (SELECT (SELECT number FROM starts WHERE starts.queue = :queue ORDER BY number DESC LIMIT 1) AS number) AS last
WHERE queues.name = :queue;
