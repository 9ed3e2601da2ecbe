-- Ask for the end of a run; the first time counts. Fenced by (seq, attempt).
UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, :now)
WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
