-- End the pause of a queue when its time has come.
UPDATE queues SET paused_at = NULL, paused_by = NULL, paused_reason = NULL, paused_until = NULL
WHERE name = :queue AND paused_until <= :now;
