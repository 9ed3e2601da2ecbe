-- Add all jobs that were put aside, in their order, under the numbers with which `take_gathered` took their ids.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), gathered AS (
    SELECT incoming.*, now, coalesce(
        timestamptz 'epoch' + run_at * interval '1 microsecond',
        now + delay * interval '1 microsecond'
    ) AS due
    FROM incoming, clock
), counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, %(state)s, count(*) FROM incoming GROUP BY queue
)
INSERT INTO queuectl.unfinished (
    seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, created_at, next_run_at
)
SELECT
    seq, id, %(state)s, due <= now, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env,
    stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, timestamptz 'epoch' + tick * interval '1 microsecond', on_parent_failure, now, due
FROM gathered
ORDER BY seq;
