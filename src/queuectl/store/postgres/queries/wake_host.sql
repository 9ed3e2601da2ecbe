-- Let every worker of a host look at what is asked of it.
SELECT pg_notify('queuectl_' || id, 'look') FROM queuectl.workers WHERE host = %(host)s;
