-- Let the next claim look at what some jobs have kept from starting that do not start now themselves.
WITH done AS (
    SELECT DISTINCT queue, key FROM queuectl.jobs WHERE seq = ANY(%(seqs)s::bigint[])
), {opened}
SELECT FROM opened;
