-- The workers of one home in one boot. Index: workers_by_home.
SELECT id, pid, started, boot, home, host, version FROM queuectl.workers
WHERE home = %(home)s AND boot = %(boot)s;
