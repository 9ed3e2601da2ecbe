-- Add all jobs that were put aside, in their order, under the numbers with which `take_gathered` took their ids. Those
-- that wait keep the time of the future for later; the end of one that belongs to a batch concerns the batch.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), gathered AS (
    SELECT
        incoming.*, now, coalesce(
            timestamptz 'epoch' + run_at * interval '1 microsecond',
            now + delay * interval '1 microsecond'
        ) AS due,
        after IS NOT NULL OR batch_role IS NOT NULL AS waits
    FROM incoming, clock
), counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, CASE WHEN waits THEN %(blocked)s ELSE %(state)s END, count(*) FROM gathered GROUP BY 1, 2
)
INSERT INTO queuectl.unfinished (
    seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, created_at, next_run_at, not_before, followed
)
SELECT
    seq, id, CASE WHEN waits THEN %(blocked)s ELSE %(state)s END, NOT waits AND due <= now, queue, priority, command, argv,
    max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, timestamptz 'epoch' + tick * interval '1 microsecond', on_parent_failure,
    now, CASE WHEN NOT waits THEN due END, CASE WHEN waits AND due > now THEN due END,
    batch IS NOT NULL AND batch_role IS NULL
FROM gathered
ORDER BY seq;
