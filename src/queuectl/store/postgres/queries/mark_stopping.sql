-- Record that a worker stops on request; the first time counts.
UPDATE queuectl.workers SET stopping_at = coalesce(%(now)s::timestamptz, clock_timestamp())
WHERE id = %(worker)s AND stopping_at IS NULL;
