-- Add settings as they were in another store.
COPY queuectl.config (key, value) FROM STDIN;
