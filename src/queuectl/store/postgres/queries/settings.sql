-- The configuration values that are set.
SELECT key, value FROM queuectl.config;
