-- One queue on many machines, and on its way to another store.

ALTER TABLE queuectl.workers ADD COLUMN host text NOT NULL DEFAULT '';

-- The ends in this database of transfers of the whole queue, to or from another store. While there is one at a stage
-- that keeps the queue closed, there are triggers that refuse every change (queries/transfer/refuse.sql).
CREATE TABLE queuectl.transfers (
    stage text COLLATE "C" PRIMARY KEY CHECK (stage IN ('leaving', 'left', 'arriving', 'arrived')),
    id text NOT NULL,
    place text NOT NULL,
    queue text NOT NULL,
    upto bigint NOT NULL DEFAULT 0
);
CREATE FUNCTION queuectl.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    transfer record;
BEGIN
    SELECT stage, place INTO transfer FROM queuectl.transfers WHERE stage <> 'arrived' ORDER BY stage LIMIT 1;
    RAISE EXCEPTION USING ERRCODE = 'QC001', MESSAGE = transfer.stage, DETAIL = transfer.place;
END
$$;
