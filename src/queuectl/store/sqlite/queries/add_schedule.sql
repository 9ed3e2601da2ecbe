-- Add a schedule; nothing when its name is taken.
INSERT INTO schedules (
    name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env, created_at, next_tick
) VALUES (
    :name, :times, :zone, :job, :overlap, :catch_up, :within, :splay, :umask, :caller_env, :created_at, :next_tick
) ON CONFLICT DO NOTHING;
