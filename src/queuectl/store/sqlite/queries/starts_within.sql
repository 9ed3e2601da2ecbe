-- How many starts a rate counts now.
SELECT count(*) FROM starts WHERE queue = :queue AND at > :now - :period AND at < :now + :period;
