-- Give up a transfer at this end.
DELETE FROM transfers WHERE stage = :stage AND id = :id;
