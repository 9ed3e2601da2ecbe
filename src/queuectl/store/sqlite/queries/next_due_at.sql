-- When the next waiting job becomes due, or the next look at held ones. Index: jobs_due.
SELECT min(at) FROM (
    SELECT min(next_run_at) AS at FROM jobs WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL
    UNION ALL
    SELECT min(at) FROM openings WHERE at IS NOT NULL
);
