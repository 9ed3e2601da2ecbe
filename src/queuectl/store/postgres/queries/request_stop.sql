-- Ask all workers of a host to stop whose supervisors were started before. The answer is the number of the request, which
-- is higher than that of any before, whatever the clock does: it is the time in microseconds, so that requests of more
-- than 30 days ago can be forgotten.
WITH request AS MATERIALIZED (
    SELECT greatest(
        (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, (SELECT max(number) + 1 FROM queuectl.stops)
    ) AS number
), forgotten AS (
    DELETE FROM queuectl.stops
    WHERE host <> %(host)s AND number < (SELECT number FROM request) - 30 * 86400 * 1000000::bigint
)
INSERT INTO queuectl.stops (host, number, now_number)
SELECT %(host)s, number, CASE WHEN %(now)s THEN number ELSE 0 END FROM request
ON CONFLICT (host) DO UPDATE SET
    number = greatest(stops.number, excluded.number),
    now_number = greatest(stops.now_number, excluded.now_number)
RETURNING number;
