-- Say that for some seconds from now on somebody wants to read what a worker's job prints. Nobody waits for the disk.
UPDATE queuectl.workers
SET log_wanted_until = clock_timestamp() + %(seconds)s::double precision * interval '1 second'
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE id = %(worker)s;
