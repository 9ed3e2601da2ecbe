-- Set a configuration value.
INSERT INTO queuectl.config (key, value) VALUES (%(key)s, %(value)s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
