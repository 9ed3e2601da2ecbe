-- Add the ids of jobs from another store. No insert here has taken them: the key is none that anybody has.
COPY queuectl.job_ids (id, seq, enqueue_key) FROM STDIN;
