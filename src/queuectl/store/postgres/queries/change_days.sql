-- Whether this process may change the days now, until its transaction ends: one at a time.
SELECT pg_try_advisory_xact_lock(hashtext('queuectl'), 3);
