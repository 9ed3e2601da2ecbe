-- Every worker that is known.
SELECT id, pid, started, boot, home, host, version FROM workers;
