-- Of the days that are `wanted`, by UTC, those that have no partition yet and can still get one.
missing AS (
    SELECT kept, kept || to_char(day, '_YYYYMMDD') AS name, day || ' 00:00+00' AS first, day + 1 || ' 00:00+00' AS last
    FROM wanted, (VALUES ('completed'), ('cancelled')) AS finished(kept)
)
SELECT kept, name, first, last
FROM missing
WHERE to_regclass('queuectl.' || name) IS NULL
    AND NOT EXISTS (
        SELECT FROM queuectl.completed_other
        WHERE kept = 'completed' AND finished_at >= first::timestamptz AND finished_at < last::timestamptz
    )
    AND NOT EXISTS (
        SELECT FROM queuectl.cancelled_other
        WHERE kept = 'cancelled' AND finished_at >= first::timestamptz AND finished_at < last::timestamptz
    )
ORDER BY first, kept
