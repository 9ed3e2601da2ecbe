-- Let a schedule tick again.
UPDATE schedules SET paused_at = NULL, next_tick = :next_tick WHERE name = :name;
