-- Note at the dependencies of parents that run again that it is open how they end. Index: dependencies_by_parent.
UPDATE dependencies SET met = 0 WHERE parent IN (SELECT value FROM json_each(:parents));
