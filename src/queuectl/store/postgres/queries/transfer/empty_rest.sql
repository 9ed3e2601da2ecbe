-- Forget what belongs to the queue beside its jobs.
TRUNCATE queuectl.counts, queuectl.count_changes, queuectl.durations, queuectl.runs, queuectl.config,
    queuectl.schedules, queuectl.ticks, queuectl.queues, queuectl.starts, queuectl.openings;
