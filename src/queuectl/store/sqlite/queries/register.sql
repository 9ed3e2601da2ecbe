-- Make a worker known; once is enough.
INSERT INTO workers (id, pid, started, boot, home, host, version, registered_at, queues)
VALUES (:worker, :pid, :started, :boot, :home, :host, :version, :now, :queues)
ON CONFLICT DO NOTHING;
