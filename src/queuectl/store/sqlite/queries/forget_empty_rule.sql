-- Forget a queue for which nothing is set any more: its jobs then start without another look.
DELETE FROM queues WHERE name = :queue AND concurrency IS NULL AND rate IS NULL AND paused_at IS NULL;
