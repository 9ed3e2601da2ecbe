-- Make a worker known; once is enough.
INSERT INTO workers (id, pid, started, boot, home, version, registered_at)
VALUES (:worker, :pid, :started, :boot, :home, :version, :now)
ON CONFLICT DO NOTHING;
