-- Say of the parents of the jobs just added that their end concerns others. Returns those that have ended already.
UPDATE queuectl.jobs SET followed = true
WHERE seq = ANY(ARRAY(
    SELECT dependencies.parent FROM incoming JOIN queuectl.dependencies ON dependencies.child = incoming.seq
))
RETURNING seq, finished_at IS NOT NULL;
