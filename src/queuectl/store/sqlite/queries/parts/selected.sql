(:queues IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
    AND (:tags IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(:tags) AS wanted WHERE tags ->> ('$."' || wanted.key || '"') IS NOT wanted.value
    ))
    AND (:batch IS NULL OR (batch = :batch AND batch_role IS NULL))
    AND (:command IS NULL OR coalesce(command, words(argv)) GLOB :command)
    AND (:before IS NULL OR created_at < :before)
    AND (NOT :paused OR paused_at IS NOT NULL)
