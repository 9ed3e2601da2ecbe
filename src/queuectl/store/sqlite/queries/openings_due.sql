-- What the next claim is to look at.
SELECT holder FROM openings WHERE at IS NOT NULL AND at <= :now ORDER BY at LIMIT 20;
