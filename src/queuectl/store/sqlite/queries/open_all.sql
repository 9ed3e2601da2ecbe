-- Let the next claims look at all that is held.
UPDATE openings SET at = :now;
