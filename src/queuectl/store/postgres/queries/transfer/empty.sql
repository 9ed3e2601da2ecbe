-- Forget all that belongs to the queue.
TRUNCATE queuectl.jobs, queuectl.job_ids, queuectl.attempts, queuectl.dependencies, queuectl.requests, queuectl.counts,
    queuectl.count_changes, queuectl.durations, queuectl.runs, queuectl.config, queuectl.live_logs, queuectl.schedules,
    queuectl.ticks, queuectl.queues, queuectl.starts, queuectl.openings;
