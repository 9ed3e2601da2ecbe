-- The days of today and the next two, by UTC, that have no partition yet and can still get one: a day is left to the
-- last partition that has rows in it already. Indexes: completed_other_finished_at_seq_idx,
-- cancelled_other_finished_at_seq_idx.
WITH wanted AS (
    SELECT day::date
    FROM (SELECT (coalesce(%(now)s::timestamptz, clock_timestamp()) AT TIME ZONE 'UTC')::date AS today) AS clock,
        generate_series(today, today + 2, interval '1 day') AS day
), {missing_days};
