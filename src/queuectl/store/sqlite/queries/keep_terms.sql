-- Keep terms that may be new.
INSERT INTO terms (backoff_base, backoff_max, backoff_jitter, max_crashes, umask, caller_env)
VALUES (:backoff_base, :backoff_max, :backoff_jitter, :max_crashes, :umask, :caller_env)
ON CONFLICT DO NOTHING;
