-- Note whether all processes of a run are stopped because it is paused. Fenced by (seq, attempt).
UPDATE jobs SET held_by = :held_by WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
