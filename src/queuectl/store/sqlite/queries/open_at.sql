-- Look at what something holds, if it does, at this time.
UPDATE openings SET at = :at WHERE holder = :holder;
