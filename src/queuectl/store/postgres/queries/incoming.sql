-- The private table into which many jobs are copied. Their numbers are given in the order in which they come,
-- once for the tables of jobs and of ids. It is dropped at the end: a pooler may give the session to others.
CREATE TEMPORARY TABLE incoming (
    id text COLLATE "C" NOT NULL, queue text NOT NULL, priority bigint NOT NULL, command text, argv bytea,
    max_retries integer NOT NULL, timeout double precision, terms integer NOT NULL,
    cwd text NOT NULL, env bytea NOT NULL, secret_env bytea NOT NULL, stdin text,
    run_at bigint, delay bigint NOT NULL,
    tags text, key text, key_limit integer, batch text, batch_role text, array_index integer, unique_key text,
    schedule text, tick bigint, on_parent_failure text, after jsonb,
    seq bigint NOT NULL DEFAULT nextval('queuectl.job_ids_seq_seq')
) ON COMMIT DROP;
