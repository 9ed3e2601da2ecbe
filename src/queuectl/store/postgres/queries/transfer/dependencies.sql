-- What the jobs between two wait for, or have waited for.
SELECT child, parent, parent_id, condition, met
FROM queuectl.dependencies WHERE child > %(after)s AND child <= %(last)s ORDER BY child, parent;
