-- Make a worker known; once is enough.
INSERT INTO workers (id, pid, started, boot, home, host, version, registered_at)
VALUES (:worker, :pid, :started, :boot, :home, :host, :version, :now)
ON CONFLICT DO NOTHING;
