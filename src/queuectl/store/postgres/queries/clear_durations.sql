-- Forget how long runs took, also of those that are not summed up yet.
WITH summed AS (DELETE FROM queuectl.durations) DELETE FROM queuectl.runs;
