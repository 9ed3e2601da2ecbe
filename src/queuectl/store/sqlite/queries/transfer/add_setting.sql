-- Add a setting as it was in another store.
INSERT INTO config (key, value) VALUES (?, ?);
