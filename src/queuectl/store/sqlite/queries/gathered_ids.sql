-- A page of the ids that were put aside, in order.
SELECT rowid, id FROM temp.incoming WHERE rowid > :after ORDER BY rowid LIMIT :limit;
