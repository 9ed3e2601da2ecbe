-- Make a worker known.
INSERT INTO workers (id, pid, started, boot, home, version, registered_at)
VALUES (:worker, :pid, :started, :boot, :home, :version, :now);
