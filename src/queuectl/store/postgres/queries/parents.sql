-- What a job waits for, or has waited for, in the order in which these were enqueued.
SELECT parent_id, condition, met, jobs.state
FROM queuectl.dependencies LEFT JOIN queuectl.jobs ON jobs.seq = dependencies.parent
WHERE child = %(seq)s
ORDER BY dependencies.parent;
