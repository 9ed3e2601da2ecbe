-- Note at the dependencies of parents that have ended whether they ended as their children wait for.
-- Index: dependencies_by_parent.
UPDATE dependencies
SET met = CASE
    WHEN condition = 'any' OR (condition = 'ok') = (SELECT state = 'completed' FROM jobs WHERE seq = parent) THEN 1
    ELSE 2
END
WHERE parent IN (SELECT value FROM json_each(:parents));
