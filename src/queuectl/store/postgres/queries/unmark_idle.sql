-- Say that a worker has found work by itself.
UPDATE queuectl.workers SET idle = false
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE id = %(worker)s AND idle;
