-- A schedule by its name.
SELECT
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env,
    created_at, next_tick, paused_at, last_seq
FROM schedules WHERE name = :name;
