-- Let a schedule tick no more; the first time counts.
UPDATE queuectl.schedules SET paused_at = coalesce(paused_at, %(now)s::timestamptz, clock_timestamp())
WHERE name = %(name)s;
