-- Keep terms that may be new.
INSERT INTO terms (backoff_base, backoff_max, backoff_jitter, max_crashes, umask, caller_env)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT DO NOTHING;
