-- Say that a worker is about to sleep. Lost with the server's power it would cost some seconds' delay: nobody waits for
-- the disk.
UPDATE queuectl.workers SET idle = true
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE id = %(worker)s;
