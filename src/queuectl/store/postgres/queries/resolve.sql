-- Note at the dependencies of parents that have ended whether they ended as their children wait for. The children are
-- locked first, in an order: of two parents that end at the same time the second then sees what the first has noted.
-- Index: dependencies_by_parent.
WITH blocked AS MATERIALIZED (
    SELECT seq FROM queuectl.unfinished
    WHERE state = 'blocked'
        AND seq = ANY(ARRAY(SELECT child FROM queuectl.dependencies WHERE parent = ANY(%(parents)s::bigint[])))
    ORDER BY seq
    FOR UPDATE
)
UPDATE queuectl.dependencies
SET met = CASE WHEN condition = 'any' OR (condition = 'ok') = (parent.state = 'completed') THEN 1 ELSE 2 END
FROM queuectl.jobs AS parent, (SELECT count(*) FROM blocked) AS locked
WHERE parent.seq = dependencies.parent AND dependencies.parent = ANY(%(parents)s::bigint[])
    AND parent.seq = ANY(%(parents)s::bigint[]);
