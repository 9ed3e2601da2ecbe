-- Let a schedule tick again.
UPDATE queuectl.schedules SET paused_at = NULL, next_tick = %(next_tick)s WHERE name = %(name)s;
