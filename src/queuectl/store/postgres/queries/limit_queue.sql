-- Set limits of a queue; those that are not given stay.
INSERT INTO queuectl.queues (name, concurrency, rate, rate_period)
VALUES (%(queue)s, %(concurrency)s::integer, %(rate)s::integer, %(rate_period)s::bigint)
ON CONFLICT (name) DO UPDATE SET
    concurrency = CASE WHEN %(set_concurrency)s THEN excluded.concurrency ELSE queues.concurrency END,
    rate = CASE WHEN %(set_rate)s THEN excluded.rate ELSE queues.rate END,
    rate_period = CASE WHEN %(set_rate)s THEN excluded.rate_period ELSE queues.rate_period END;
