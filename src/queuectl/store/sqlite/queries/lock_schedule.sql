-- A schedule by its name, which nobody else changes until the end of this transaction: that has the write lock.
SELECT
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env,
    created_at, next_tick, paused_at, last_seq
FROM schedules WHERE name = :name;
