-- How things stand with a queue for which something is set: its limits; whether it is paused, and until when; how many of
-- its jobs run; the number of the last start that its rate counts, and when the first of those was that are as many as
-- the rate allows. Called by claims. Index: jobs_processing.
-- Within it the queue is a column: where a value is given, and the rest is in the order of an index, SQLite prepares the
-- statement anew each time (40 us instead of 7).
SELECT
    concurrency, rate, rate_period,
    paused_at IS NOT NULL AND coalesce(paused_until > :now, 1), paused_until,
    iif(concurrency IS NULL, 0, (SELECT count(*) FROM jobs WHERE state = 'processing' AND jobs.queue = queues.name)),
    iif(rate IS NULL, NULL, (SELECT number FROM starts WHERE starts.queue = queues.name ORDER BY number DESC LIMIT 1)),
    iif(rate IS NULL, NULL, (
        SELECT at FROM starts
        WHERE starts.queue = queues.name AND starts.number = 1 - rate + (
            SELECT number FROM starts WHERE starts.queue = queues.name ORDER BY number DESC LIMIT 1
        )
    ))
FROM queues
WHERE queues.name = :queue;
