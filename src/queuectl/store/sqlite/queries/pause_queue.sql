-- Pause a queue, or say anew why, by whom and until when.
INSERT INTO queues (name, paused_at, paused_by, paused_reason, paused_until)
VALUES (:queue, :now, :by, :reason, :now + CAST(:seconds * 1000000 AS INTEGER))
ON CONFLICT DO UPDATE SET
    paused_at = excluded.paused_at, paused_by = excluded.paused_by,
    paused_reason = excluded.paused_reason, paused_until = excluded.paused_until;
