-- When the next waiting job becomes due. Index: jobs_due.
SELECT min(next_run_at) FROM jobs WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL;
