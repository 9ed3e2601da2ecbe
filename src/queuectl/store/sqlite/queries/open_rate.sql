-- Look at what a queue holds, if it does, when its rate has room again: a period after one of the last starts, now where
-- there were fewer.
UPDATE openings
SET at = coalesce((SELECT at + :period FROM starts WHERE queue = :queue AND number = :number), :now)
WHERE holder = :holder;
