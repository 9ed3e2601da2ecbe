-- Send a part of the log of a run to who reads it elsewhere. What came a minute before goes, but for what is kept of
-- every log: who begins to read now begins with that.
WITH gone AS (
    DELETE FROM queuectl.live_logs
    WHERE seq = %(seq)s AND attempt = %(attempt)s AND log_end < %(log_end)s - 65536
        AND sent_at < clock_timestamp() - interval '1 minute'
)
INSERT INTO queuectl.live_logs (seq, attempt, log_end, log, sent_at)
VALUES (%(seq)s, %(attempt)s, %(log_end)s, %(log)s, clock_timestamp())
ON CONFLICT DO NOTHING;
