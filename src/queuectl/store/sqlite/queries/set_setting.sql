-- Set a configuration value.
INSERT INTO config (key, value) VALUES (:key, :value)
ON CONFLICT DO UPDATE SET value = excluded.value;
