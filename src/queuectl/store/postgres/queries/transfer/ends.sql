-- The ends of transfers in this store.
SELECT id, stage, place, upto FROM queuectl.transfers;
