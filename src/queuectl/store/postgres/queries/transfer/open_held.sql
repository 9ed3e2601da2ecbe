-- Let the first claims look at all that is held.
INSERT INTO queuectl.openings (holder, at)
SELECT DISTINCT held_by, timestamptz 'epoch' FROM queuectl.unfinished 
WHERE split_part(held_by, ':', 1) IN ('queue', 'key');
