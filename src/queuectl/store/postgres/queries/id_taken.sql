-- Whose an id is: whether this very insert took it, and the state of its job.
SELECT enqueue_key = %(enqueue_key)s, (SELECT state FROM queuectl.jobs WHERE jobs.seq = job_ids.seq)
FROM queuectl.job_ids WHERE id = %(id)s;
