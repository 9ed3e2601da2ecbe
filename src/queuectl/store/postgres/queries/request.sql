-- Ask something of a run. Fenced by (seq, attempt); the lock lets the run end either before or after it.
WITH running AS (
    SELECT seq, attempt FROM queuectl.unfinished
    WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing'
    FOR SHARE
)
INSERT INTO queuectl.requests (seq, attempt, what, value, asked_at)
SELECT seq, attempt, %(what)s, %(value)s, coalesce(%(now)s::timestamptz, clock_timestamp()) FROM running;
