-- One set of terms.
SELECT backoff_base, backoff_max, backoff_jitter, max_crashes, umask, caller_env
FROM queuectl.terms WHERE number = %(number)s;
