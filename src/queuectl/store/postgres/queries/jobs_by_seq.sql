-- The jobs of a page of a list; the caller puts them in order.
SELECT * FROM queuectl.job WHERE seq = ANY(%(seqs)s::bigint[]);
