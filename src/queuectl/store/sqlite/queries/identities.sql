-- Every worker that is known.
SELECT id, pid, started, boot, home, version FROM workers;
