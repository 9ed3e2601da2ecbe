-- How many rows are to be cleaned away, and for how long the oldest transaction that keeps them has been open: one of
-- this database that has a snapshot or has written, or a prepared one. Those of other databases keep nothing here.
SELECT
    coalesce(pg_stat_get_dead_tuples('queuectl.unfinished'::regclass), 0),
    coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(xact_start) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)),
        (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database())
    ))::double precision, 0.0);
