-- The number of terms.
SELECT number FROM terms
WHERE backoff_base = ?1 AND backoff_max = ?2 AND backoff_jitter = ?3 AND max_crashes = ?4 AND umask = ?5
    AND caller_env = ?6;
