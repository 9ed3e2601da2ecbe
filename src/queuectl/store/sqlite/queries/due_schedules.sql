-- Schedules that tick now, the longest due first. Index: schedules_next.
SELECT
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env,
    created_at, next_tick, paused_at, last_seq
FROM schedules WHERE paused_at IS NULL AND next_tick IS NOT NULL AND next_tick <= :now
ORDER BY next_tick LIMIT :limit;
