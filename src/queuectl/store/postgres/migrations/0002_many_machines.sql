-- One queue on many machines, and on its way to another store.

-- `after_stop`: the number of the last request to stop when its supervisor was started; later ones are for it.
ALTER TABLE queuectl.workers
    ADD COLUMN host text NOT NULL DEFAULT '',
    ADD COLUMN after_stop bigint NOT NULL DEFAULT 0;

-- The last request to stop of each host, and the last one that waits for no job. It is for all that was started there
-- before it, whether the server knows of that or not, and finds who is cut off when it comes back.
CREATE TABLE queuectl.stops (
    host text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL,
    now_number bigint NOT NULL
);

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
