-- Record that a schedule was seen to, up to its next tick.
UPDATE queuectl.schedules SET next_tick = %(next_tick)s, last_seq = %(last_seq)s WHERE name = %(name)s;
