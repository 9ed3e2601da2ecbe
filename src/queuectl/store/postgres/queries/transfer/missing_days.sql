-- Those of some days, by UTC, that are not long ago, have no partition yet and can still get one.
WITH wanted AS (
    SELECT day FROM unnest(%(days)s::date[]) AS wanted(day)
    WHERE day >= (clock_timestamp() AT TIME ZONE 'UTC')::date - %(most)s::integer
), {missing_days};
