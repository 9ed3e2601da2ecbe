-- Count the end and the claim, and answer with both.
counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, 'processing', -1 FROM done UNION ALL SELECT queue, state, 1 FROM done
    UNION ALL
    SELECT queue, was, -1 FROM claimed UNION ALL SELECT queue, state, 1 FROM claimed
)
SELECT done.*, job.*, extract(epoch FROM clock_timestamp() - statement_timestamp())::double precision
FROM (VALUES (NULL)) AS always
    LEFT JOIN (SELECT next_run_at, finished_at, duration FROM done) AS done ON true
    LEFT JOIN (
        SELECT
            {job_columns}
        FROM claimed
    ) AS job ON true
