-- Those of some days, by UTC, that have no partition yet and can still get one.
WITH wanted AS (
    SELECT day FROM unnest(%(days)s::date[]) AS wanted(day)
), {missing_days};
