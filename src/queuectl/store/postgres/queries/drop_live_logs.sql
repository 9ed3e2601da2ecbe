-- Forget what was sent of logs whose jobs have ended ten minutes ago or more.
DELETE FROM queuectl.live_logs
WHERE sent_at < clock_timestamp() - interval '10 minutes'
    AND NOT EXISTS (
        SELECT FROM queuectl.unfinished AS job
        WHERE job.seq = live_logs.seq AND job.attempt = live_logs.attempt AND job.state = 'processing'
    );
