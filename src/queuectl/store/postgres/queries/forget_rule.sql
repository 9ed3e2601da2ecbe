-- Forget what is set for a queue.
DELETE FROM queuectl.queues WHERE name = %(queue)s;
