-- Move a job on at the end of a run, and count it. The answer has the times, because the server's clock gave them,
-- and whether others may start now.
WITH {end_run}, counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, 'processing', -1 FROM done UNION ALL SELECT queue, state, 1 FROM done
)
SELECT next_run_at, finished_at, duration, EXISTS (SELECT FROM opened) FROM done;
