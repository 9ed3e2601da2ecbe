-- Forget a holder that holds nothing any more.
DELETE FROM openings WHERE holder = :holder;
