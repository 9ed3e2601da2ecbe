-- How many rows are to be cleaned away, and for how long the oldest transaction that keeps them has been open: one of
-- this database that has a snapshot, or one of any database that has written, be it a prepared one. A snapshot taken here
-- is as old as the oldest of those that write anywhere; one that only reads in another database keeps nothing here.
SELECT
    coalesce(pg_stat_get_dead_tuples('queuectl.unfinished'::regclass), 0),
    coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(xact_start) FROM pg_stat_activity
         WHERE pid <> pg_backend_pid()
            AND (backend_xid IS NOT NULL OR (datname = current_database() AND backend_xmin IS NOT NULL))),
        (SELECT min(prepared) FROM pg_prepared_xacts)
    ))::double precision, 0.0);
