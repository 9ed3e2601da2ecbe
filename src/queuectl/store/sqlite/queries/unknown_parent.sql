-- The first of the jobs just added that waits for one that is not there, or does not come before it: its own id, that of
-- the other, and whether that one is there.
SELECT child.id, wanted.value ->> 0, parent.seq IS NOT NULL
FROM temp.incoming
JOIN json_each(incoming.after) AS wanted
JOIN main.jobs AS child ON child.id = incoming.id
LEFT JOIN main.jobs AS parent ON parent.id = wanted.value ->> 0
WHERE parent.seq IS NULL OR parent.seq >= child.seq
ORDER BY child.seq
LIMIT 1;
