-- Forget what is set for a queue.
DELETE FROM queues WHERE name = :queue;
