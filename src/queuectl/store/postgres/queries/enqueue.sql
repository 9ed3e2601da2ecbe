-- Add one job; the answer is empty when its id is taken. That is no error as on SQLite: it may be by this very insert,
-- whose answer was lost, and `id_taken` tells.
WITH times AS MATERIALIZED (
    SELECT now, coalesce(
        timestamptz 'epoch' + %(run_at)s::bigint * interval '1 microsecond',
        now + %(delay)s::bigint * interval '1 microsecond'
    ) AS due
    FROM (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock
), taken AS (
    INSERT INTO queuectl.job_ids (id, enqueue_key) VALUES (%(id)s, %(enqueue_key)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING seq
), added AS (
    INSERT INTO queuectl.unfinished (
        seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
        tags, key, key_limit, batch, batch_role, array_index, unique_key,
        schedule, tick, on_parent_failure, created_at, next_run_at
    )
    SELECT
        seq, %(id)s, %(state)s, due <= now, %(queue)s, %(priority)s, %(command)s::text, %(argv)s::bytea,
        %(max_retries)s, %(timeout)s::double precision, %(terms)s, %(cwd)s, %(env)s, %(secret_env)s, %(stdin)s::text,
        %(tags)s::text, %(key)s::text, %(key_limit)s::integer, %(batch)s::text, %(batch_role)s::text,
        %(array_index)s::integer, %(unique_key)s::text, %(schedule)s::text,
        timestamptz 'epoch' + %(tick)s::bigint * interval '1 microsecond', %(on_parent_failure)s::text,
        now, due
    FROM taken, times
), counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n) SELECT %(queue)s, %(state)s, 1 FROM taken
)
SELECT seq FROM taken;
