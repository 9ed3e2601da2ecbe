-- Add a schedule; nothing when its name is taken.
INSERT INTO queuectl.schedules (
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env, created_at, next_tick
) VALUES (
    %(name)s, %(times)s, %(zone)s, %(job)s, %(overlap)s, %(catch_up)s, %(within)s, %(splay)s, %(umask)s,
    %(caller_env)s, %(created_at)s, %(next_tick)s
) ON CONFLICT DO NOTHING;
