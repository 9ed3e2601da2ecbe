-- Never give numbers up to this one again.
SELECT setval('queuectl.job_ids_seq_seq', greatest(last_value, %(seq)s), is_called OR %(seq)s > 0)
FROM queuectl.job_ids_seq_seq;
