-- Let the next claim look at what is held by two holders, if there is anything.
UPDATE openings SET at = :now WHERE holder IN (:queue, :key);
