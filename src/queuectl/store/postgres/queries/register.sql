-- Make a worker known, with its lease, and a quarter more until others may take its job. Once more, because the answer
-- was lost, begins the lease anew, as who holds it counts it.
INSERT INTO queuectl.workers (
    id, pid, started, boot, home, host, version, registered_at, after_stop, queues, lease_until, rescue_at
)
SELECT
    %(worker)s, %(pid)s, %(started)s, %(boot)s, %(home)s, %(host)s, %(version)s,
    now, %(after_stop)s, %(queues)s::text, now + lease, now + lease * 1.25
FROM
    (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock,
    (SELECT %(lease)s::double precision * interval '1 second' AS lease) AS length
ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, rescue_at = excluded.rescue_at;
