-- When the next waiting job becomes due, or the next look at held ones, and what the time is: the caller's clock may say
-- another. Indexes: jobs_due, openings_at.
SELECT
    least(
        (SELECT min(next_run_at) FROM queuectl.unfinished
         WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL),
        (SELECT min(at) FROM queuectl.openings)
    ),
    coalesce(%(now)s::timestamptz, clock_timestamp());
