-- One job by its id, of which only `job_ids` has an index.
SELECT * FROM queuectl.job WHERE seq = (SELECT seq FROM queuectl.job_ids WHERE id = %(id)s);
