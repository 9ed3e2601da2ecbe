-- The oldest day that was over at an instant.
SELECT relname
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = ('queuectl.' || %(kept)s::text)::regclass AND relname ~ '_\d{8}$'
    AND (to_date(right(relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
        <= coalesce(%(now)s::timestamptz, clock_timestamp()) - %(age)s::double precision * interval '1 second'
ORDER BY relname
LIMIT 1;
