-- Keep terms that may be new.
INSERT INTO queuectl.terms (backoff_base, backoff_max, backoff_jitter, max_crashes, umask, caller_env)
VALUES (%(backoff_base)s, %(backoff_max)s, %(backoff_jitter)s, %(max_crashes)s, %(umask)s, %(caller_env)s)
ON CONFLICT DO NOTHING;
