-- Let every worker look.
SELECT pg_notify('queuectl_' || id, 'look') FROM queuectl.workers;
