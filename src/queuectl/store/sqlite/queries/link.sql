-- Tie the jobs just added to what they wait for. Called after `unknown_parent`: all come before them, so no circle arises.
INSERT INTO dependencies (child, parent, parent_id, condition)
SELECT child.seq, parent.seq, parent.id, wanted.value ->> 1
FROM temp.incoming
JOIN json_each(incoming.after) AS wanted
JOIN main.jobs AS child ON child.id = incoming.id
JOIN main.jobs AS parent ON parent.id = wanted.value ->> 0
WHERE true
ON CONFLICT DO NOTHING;
