-- When the next schedule ticks. Index: schedules_next.
SELECT min(next_tick) FROM schedules WHERE paused_at IS NULL AND next_tick IS NOT NULL;
