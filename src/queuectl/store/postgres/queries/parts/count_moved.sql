-- Count what has `moved`, and answer with it.
counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, %(was)s, -count(*) FROM moved GROUP BY queue UNION ALL SELECT queue, %(state)s, count(*) FROM moved GROUP BY queue
)
SELECT * FROM moved
