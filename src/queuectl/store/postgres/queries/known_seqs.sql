-- Which of some numbers belong to jobs.
SELECT seq FROM queuectl.jobs WHERE seq = ANY(%(seqs)s::bigint[]);
