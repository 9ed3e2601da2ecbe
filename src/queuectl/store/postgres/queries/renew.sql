-- Let a lease last longer, and tell what is asked of its worker; no row when the lease was taken.
UPDATE queuectl.workers
SET lease_until = clock.now + length.lease, rescue_at = clock.now + length.lease * 1.25
FROM
    (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock,
    (SELECT %(lease)s::double precision * interval '1 second' AS lease) AS length
WHERE id = %(worker)s
RETURNING
    EXISTS (SELECT FROM queuectl.stops WHERE stops.host = workers.host AND number > after_stop),
    EXISTS (SELECT FROM queuectl.stops WHERE stops.host = workers.host AND now_number > after_stop),
    coalesce(greatest(0, extract(epoch FROM log_wanted_until - clock.now)), 0)::double precision;
