-- Add a schedule as it was in another store.
INSERT INTO schedules (
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env,
    created_at, next_tick, paused_at, last_seq
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
