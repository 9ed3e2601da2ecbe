-- Note at the dependencies of parents that run again that it is open how they end. Index: dependencies_by_parent.
UPDATE queuectl.dependencies SET met = 0 WHERE parent = ANY(%(parents)s::bigint[]);
