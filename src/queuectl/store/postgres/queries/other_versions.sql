-- Living workers of another version.
SELECT pid, host, version FROM queuectl.workers
WHERE version <> %(version)s AND lease_until > clock_timestamp()
LIMIT 1;
