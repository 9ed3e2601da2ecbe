-- Forget the histograms of hours that were over at an instant, and the runs of then that nobody has summed up.
WITH oldest AS MATERIALIZED (
    SELECT floor(extract(epoch FROM
        coalesce(%(now)s::timestamptz, clock_timestamp()) - %(age)s::double precision * interval '1 second'
    ) / 3600)::integer * 60 AS minute
), summed AS (
    DELETE FROM queuectl.durations WHERE minute < (SELECT minute FROM oldest)
)
DELETE FROM queuectl.runs WHERE minute < (SELECT minute FROM oldest);
