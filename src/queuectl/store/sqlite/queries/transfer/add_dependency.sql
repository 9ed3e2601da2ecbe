-- Add what a job waits for, as it was in another store.
INSERT INTO dependencies (child, parent, parent_id, condition, met) VALUES (?, ?, ?, ?, ?);
