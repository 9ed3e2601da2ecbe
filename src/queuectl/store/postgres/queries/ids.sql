-- Ids by prefix: a walk through the primary key.
SELECT id FROM queuectl.job_ids WHERE id >= %(prefix)s AND id < %(end)s ORDER BY id DESC LIMIT %(limit)s;
