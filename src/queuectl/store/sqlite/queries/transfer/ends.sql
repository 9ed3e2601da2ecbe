-- The ends of transfers in this store.
SELECT id, stage, place, queue, upto FROM transfers;
