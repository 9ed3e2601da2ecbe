-- Add schedules as they were in another store.
COPY queuectl.schedules (
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env,
    created_at, next_tick, paused_at, last_seq
) FROM STDIN;
