-- What the jobs between two wait for, or have waited for.
SELECT child, parent, parent_id, condition, met
FROM dependencies WHERE child > :after AND child <= :last ORDER BY child, parent;
