-- Add to a kept count. Called before every commit that moved jobs.
INSERT INTO counts (queue, state, n) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET n = n + ?3;
