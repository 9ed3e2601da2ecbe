-- Ask something of a run. Fenced by (seq, attempt).
INSERT INTO requests (seq, attempt, what, value, asked_at)
SELECT seq, attempt, :what, :value, :now FROM jobs
WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
