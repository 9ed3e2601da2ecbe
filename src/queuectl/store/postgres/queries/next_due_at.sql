-- When the next waiting job becomes due, and what the time is: the caller's clock may say another. Index: jobs_due.
SELECT min(next_run_at), coalesce(%(now)s::timestamptz, clock_timestamp()) FROM queuectl.unfinished
WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL;
