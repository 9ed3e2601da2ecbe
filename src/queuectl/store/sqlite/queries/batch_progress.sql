-- How far the jobs of a batch are: whether there is any; any that has not ended; that died; that died or was cancelled.
-- Index: jobs_batch.
SELECT
    EXISTS (SELECT 1 FROM jobs WHERE batch = :batch AND batch_role IS NULL),
    EXISTS (
        SELECT 1 FROM jobs
        WHERE batch = :batch AND batch_role IS NULL AND state IN ('pending', 'blocked', 'processing', 'failed')
    ),
    EXISTS (SELECT 1 FROM jobs WHERE batch = :batch AND batch_role IS NULL AND state = 'dead'),
    EXISTS (SELECT 1 FROM jobs WHERE batch = :batch AND batch_role IS NULL AND state IN ('dead', 'cancelled'));
