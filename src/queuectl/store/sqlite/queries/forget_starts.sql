-- Forget the starts of a queue up to one.
DELETE FROM starts WHERE queue = :queue AND number <= :upto;
