-- The number of terms.
SELECT number FROM terms
WHERE backoff_base = :backoff_base AND backoff_max = :backoff_max AND backoff_jitter = :backoff_jitter
    AND max_crashes = :max_crashes AND umask = :umask AND caller_env = :caller_env;
