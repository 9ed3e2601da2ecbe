-- Pause a queue, or say anew why, by whom and until when.
INSERT INTO queuectl.queues (name, paused_at, paused_by, paused_reason, paused_until)
SELECT %(queue)s, now, %(by)s, %(reason)s::text, now + %(seconds)s::double precision * interval '1 second'
FROM (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock
ON CONFLICT (name) DO UPDATE SET
    paused_at = excluded.paused_at, paused_by = excluded.paused_by,
    paused_reason = excluded.paused_reason, paused_until = excluded.paused_until;
