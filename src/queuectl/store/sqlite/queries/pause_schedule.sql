-- Let a schedule tick no more; the first time counts.
UPDATE schedules SET paused_at = coalesce(paused_at, :now) WHERE name = :name;
