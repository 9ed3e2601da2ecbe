-- Forget all starts of a queue.
DELETE FROM starts WHERE queue = :queue;
