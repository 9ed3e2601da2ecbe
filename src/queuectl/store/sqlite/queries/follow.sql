-- Say of the parents of the jobs just added that their end concerns others. Returns those that have ended already.
UPDATE jobs SET followed = 1
WHERE seq IN (
    SELECT dependencies.parent
    FROM temp.incoming
    JOIN main.jobs AS child ON child.id = incoming.id
    JOIN main.dependencies ON dependencies.child = child.seq
    WHERE incoming.after IS NOT NULL
)
RETURNING seq, finished_at IS NOT NULL;
