-- When the next schedule ticks, and what the time is: the caller's clock may say another. Index: schedules_next.
SELECT min(next_tick), coalesce(%(now)s::timestamptz, clock_timestamp()) FROM queuectl.schedules
WHERE paused_at IS NULL AND next_tick IS NOT NULL;
