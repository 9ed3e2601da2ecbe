-- Record that a schedule was seen to, up to its next tick.
UPDATE schedules SET next_tick = :next_tick, last_seq = :last_seq WHERE name = :name;
