-- Count what was claimed, and answer with it.
counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, was, -1 FROM claimed UNION ALL SELECT queue, state, 1 FROM claimed
)
SELECT
    {job_columns},
    extract(epoch FROM clock_timestamp() - statement_timestamp())::double precision
FROM claimed
