-- Add what jobs wait for, as it was in another store.
COPY queuectl.dependencies (child, parent, parent_id, condition, met) FROM STDIN;
