-- Forget all starts of a queue.
DELETE FROM queuectl.starts WHERE queue = %(queue)s;
