-- Note whether all processes of a run are stopped because it is paused. Fenced by (seq, attempt).
UPDATE queuectl.unfinished SET held_by = %(held_by)s::text
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing';
