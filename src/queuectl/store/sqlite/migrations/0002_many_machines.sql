-- One queue on many machines, and on its way to another store.

ALTER TABLE workers ADD COLUMN host TEXT NOT NULL DEFAULT '';

-- The ends in this file of transfers of the whole queue, to or from another store. While there is one at a stage that
-- keeps the queue closed, there are triggers that refuse every change (queries/transfer/refuse.sql).
CREATE TABLE transfers (
    stage TEXT PRIMARY KEY CHECK (stage IN ('leaving', 'left', 'arriving', 'arrived')),
    id TEXT NOT NULL,
    place TEXT NOT NULL,
    queue TEXT NOT NULL,
    upto INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
