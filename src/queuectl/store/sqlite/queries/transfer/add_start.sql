-- Add a start that a rate counts, as it was in another store.
INSERT INTO starts (queue, number, at) VALUES (?, ?, ?);
