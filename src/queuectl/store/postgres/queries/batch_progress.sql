-- How far the jobs of a batch are: whether there is any; any that has not ended; that died; that died or was cancelled.
-- Index: jobs_batch.
SELECT
    EXISTS (SELECT FROM queuectl.jobs WHERE batch = %(batch)s AND batch_role IS NULL),
    EXISTS (
        SELECT FROM queuectl.unfinished
        WHERE batch = %(batch)s AND batch_role IS NULL AND state IN ('pending', 'blocked', 'processing', 'failed')
    ),
    EXISTS (SELECT FROM queuectl.dead WHERE batch = %(batch)s AND batch_role IS NULL),
    EXISTS (
        SELECT FROM queuectl.jobs WHERE batch = %(batch)s AND batch_role IS NULL AND state IN ('dead', 'cancelled')
    );
