-- Say of paused queues, whose jobs may just have been held, when to look at them next.
INSERT INTO openings (holder, at)
SELECT 'queue:' || name, paused_until FROM queues
WHERE name IN (SELECT value FROM json_each(:queues))
ON CONFLICT DO UPDATE SET at = excluded.at;
