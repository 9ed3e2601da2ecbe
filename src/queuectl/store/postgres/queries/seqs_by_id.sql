-- The numbers and states of jobs of some ids, of which only `job_ids` has an index.
SELECT seq, state FROM queuectl.jobs
WHERE seq = ANY(ARRAY(SELECT seq FROM queuectl.job_ids WHERE id = ANY(%(ids)s::text[])));
