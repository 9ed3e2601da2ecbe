-- Set limits of a queue; those that are not given stay.
INSERT INTO queues (name, concurrency, rate, rate_period) VALUES (:queue, :concurrency, :rate, :rate_period)
ON CONFLICT DO UPDATE SET
    concurrency = iif(:set_concurrency, excluded.concurrency, concurrency),
    rate = iif(:set_rate, excluded.rate, rate),
    rate_period = iif(:set_rate, excluded.rate_period, rate_period);
