-- Forget a batch of jobs that are not running.
DELETE FROM jobs
WHERE seq IN (SELECT seq FROM jobs WHERE seq > :after AND seq <= :last AND state <> 'processing' ORDER BY seq LIMIT :limit)
RETURNING seq, queue, state;
