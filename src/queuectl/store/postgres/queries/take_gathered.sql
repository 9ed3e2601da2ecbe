-- Take the ids of all jobs that were put aside.
INSERT INTO queuectl.job_ids (id, seq, enqueue_key) SELECT id, seq, %(enqueue_key)s FROM incoming ORDER BY seq;
