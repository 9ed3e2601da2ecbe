-- Add the starts that rates count, as they were in another store.
COPY queuectl.starts (queue, number, at) FROM STDIN;
