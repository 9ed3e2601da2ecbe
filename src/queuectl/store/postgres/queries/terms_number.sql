-- The number of terms. By the hash of the environment, which may be longer than an index entry. Index: terms_once.
SELECT number FROM queuectl.terms
WHERE backoff_base = %(backoff_base)s AND backoff_max = %(backoff_max)s AND backoff_jitter = %(backoff_jitter)s
    AND max_crashes = %(max_crashes)s AND umask = %(umask)s AND sha256(caller_env) = sha256(%(caller_env)s);
