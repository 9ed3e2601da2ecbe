-- What holds for a queue over all workers, and the jobs that it, or their key, lets not start (docs/decisions/0022).

CREATE TABLE queuectl.queues (
    name text COLLATE "C" PRIMARY KEY,
    concurrency integer CHECK (concurrency > 0),
    rate integer CHECK (rate > 0),
    rate_period bigint CHECK ((rate_period IS NULL) = (rate IS NULL)),
    paused_at timestamptz,
    paused_by text CHECK ((paused_by IS NULL) = (paused_at IS NULL)),
    paused_reason text,
    paused_until timestamptz
);

-- The last starts of the queues that have a rate, so many as the rate allows within its period.
CREATE TABLE queuectl.starts (
    queue text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (queue, number)
);

-- When a claim is to look at jobs that are held (`jobs.held_by`). Rows are only added, and taken away by who looks: the
-- end of a run so waits for nobody.
CREATE TABLE queuectl.openings (
    holder text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX openings_at ON queuectl.openings (at);
CREATE INDEX openings_holder ON queuectl.openings (holder, at);

-- The queues that a worker serves, as they were named; none: all.
ALTER TABLE queuectl.workers ADD COLUMN queues text;

-- What is held, the best of each queue first.
DROP INDEX queuectl.jobs_held;
CREATE INDEX jobs_held ON queuectl.unfinished (held_by, queue, priority DESC, created_at, seq) WHERE held_by IS NOT NULL;
-- The claim of workers that serve some queues only, and what a queue lets not start.
CREATE INDEX jobs_ready_queue ON queuectl.unfinished (queue, priority DESC, created_at, seq) WHERE ready;
-- What runs and what is ready of a key; only jobs that have one are in them.
CREATE INDEX jobs_running_key ON queuectl.unfinished (key) WHERE state = 'processing' AND key IS NOT NULL;
CREATE INDEX jobs_ready_key ON queuectl.unfinished (key, priority DESC, created_at, seq) WHERE ready AND key IS NOT NULL;

-- Keep others from deciding about what something holds until this transaction ends. What is looked at afterwards, in
-- another statement, is what they have decided. Who locks a queue and a key locks the queue first.
CREATE FUNCTION queuectl.try_lock_holder(holder text) RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_try_advisory_xact_lock(hashtext('queuectl.' || split_part(holder, ':', 1)), hashtext(holder));
$$;
CREATE FUNCTION queuectl.lock_holder(holder text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('queuectl.' || split_part(holder, ':', 1)), hashtext(holder));
$$;

-- Whether a queue lets a job start: `again` is when it may, if that is a matter of time; `room` for how many there is,
-- `exactly` or, where any will do, at most.
CREATE FUNCTION queuectl.room_of_queue(
    rule queuectl.queues, clock timestamptz, exactly boolean, OUT room bigint, OUT again timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    period interval := rule.rate_period * interval '1 microsecond';
    nth_start timestamptz;
    started bigint;
BEGIN
    room := 0;
    IF rule.paused_at IS NOT NULL AND (rule.paused_until > clock) IS NOT FALSE THEN
        again := rule.paused_until;
        RETURN;
    END IF;
    IF rule.concurrency IS NOT NULL THEN
        -- In the order of the index, so that it is taken: few run.
        SELECT rule.concurrency - count(*) INTO room FROM (
            SELECT queue FROM queuectl.unfinished WHERE state = 'processing' ORDER BY worker
        ) AS running
        WHERE running.queue = rule.name;
        IF room <= 0 THEN
            RETURN;
        END IF;
    ELSE
        room := 1000000;
    END IF;
    IF rule.rate IS NOT NULL THEN
        SELECT at INTO nth_start FROM queuectl.starts
        WHERE queue = rule.name
            AND number = 1 - rule.rate + (SELECT max(number) FROM queuectl.starts WHERE queue = rule.name);
        -- A clock that was set back by more than a period has nothing to wait for.
        IF nth_start > clock - period AND nth_start < clock + period THEN
            room := 0;
            again := nth_start + period;
            RETURN;
        END IF;
        IF exactly THEN
            SELECT count(*) INTO started FROM queuectl.starts
            WHERE queue = rule.name AND at > clock - period AND at < clock + period;
            room := least(room, rule.rate - started);
        END IF;
    END IF;
END
$$;

-- Look at what one holder holds, whose lock is held, and let go what may start now; the answer is how many jobs.
CREATE FUNCTION queuectl.let_go_of(of_holder text, clock timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first record;
    rule queuectl.queues;
    room bigint;
    again timestamptz;
    freed bigint := 0;
BEGIN
    DELETE FROM queuectl.openings WHERE openings.holder = of_holder AND at <= clock;
    IF NOT FOUND THEN
        RETURN 0;  -- another one has just looked
    END IF;
    SELECT key, key_limit INTO first FROM queuectl.unfinished
    WHERE held_by = of_holder ORDER BY queue, priority DESC, created_at, seq LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    IF of_holder LIKE 'key:%' THEN
        SELECT first.key_limit - count(*) INTO room FROM queuectl.unfinished
        WHERE state = 'processing' AND key = first.key;
    ELSE
        SELECT * INTO rule FROM queuectl.queues WHERE name = substr(of_holder, length('queue:') + 1);
        IF FOUND THEN
            SELECT found.room, found.again INTO room, again FROM queuectl.room_of_queue(rule, clock, true) AS found;
        ELSE
            room := 1000000;
        END IF;
    END IF;
    IF room > 0 THEN
        WITH RECURSIVE waiting (queue) AS (
            (SELECT queue FROM queuectl.unfinished WHERE held_by = of_holder ORDER BY queue LIMIT 1)
            UNION ALL
            SELECT (
                SELECT job.queue FROM queuectl.unfinished AS job
                WHERE job.held_by = of_holder AND job.queue > waiting.queue
                ORDER BY job.queue LIMIT 1
            )
            FROM waiting WHERE waiting.queue IS NOT NULL
        ), best AS MATERIALIZED (
            SELECT found.seq FROM waiting, LATERAL (
                SELECT job.seq FROM queuectl.unfinished AS job
                WHERE job.held_by = of_holder AND job.queue = waiting.queue
                ORDER BY job.priority DESC, job.created_at, job.seq
                LIMIT least(room, 1000)
                FOR UPDATE SKIP LOCKED
            ) AS found
        )
        UPDATE queuectl.unfinished SET ready = true, held_by = NULL
        WHERE seq = ANY(ARRAY(SELECT seq FROM best));
        GET DIAGNOSTICS freed = ROW_COUNT;
        IF room > freed THEN
            again := clock;
        END IF;
    END IF;
    IF again IS NOT NULL THEN
        PERFORM queuectl.open_at(of_holder, again);
    END IF;
    RETURN freed;
END
$$;

-- Look at what is due to be looked at. It waits for nobody: what another one decides about just now stays due.
-- `moment` is the time, for tests.
CREATE FUNCTION queuectl.let_go(moment timestamptz, OUT freed bigint, OUT more boolean) LANGUAGE plpgsql AS $$
DECLARE
    clock timestamptz := coalesce(moment, clock_timestamp());
    due text[];
    of_holder text;
BEGIN
    freed := 0;
    -- Lost with the server's power, it is looked at once more.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT array_agg(first.holder) INTO due FROM (
        SELECT openings.holder FROM queuectl.openings WHERE at <= clock ORDER BY at LIMIT 20
    ) AS first;
    more := coalesce(cardinality(due), 0) = 20;
    FOREACH of_holder IN ARRAY coalesce(due, '{}') LOOP
        IF queuectl.try_lock_holder(of_holder) THEN
            freed := freed + queuectl.let_go_of(of_holder, coalesce(moment, clock_timestamp()));
        END IF;
    END LOOP;
END
$$;

-- Let a claim look at what something holds, if it does, at a time; its lock is held.
CREATE FUNCTION queuectl.open_at(of_holder text, again timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO queuectl.openings (holder, at)
    SELECT of_holder, again
    WHERE (SELECT seq FROM queuectl.unfinished WHERE held_by = of_holder ORDER BY queue LIMIT 1) IS NOT NULL
        AND NOT EXISTS (SELECT FROM queuectl.openings WHERE openings.holder = of_holder AND openings.at = again);
$$;

-- Give the best job that may start to a worker, where something is set for queues, or jobs have keys. The answer says
-- what to do next: `taken`, and which job; `again`, because what came first was held instead; `look`, because something
-- is to be looked at by `let_go` before; or `none`. It decides about one job, so that nobody waits in a circle.
CREATE FUNCTION queuectl.claim_limited(
    moment timestamptz, of_worker text, new_cookie text, claimed text, of_host text, stops_after bigint,
    of_queues text[], looked boolean,
    OUT verdict text, OUT limited boolean, OUT taken queuectl.job
) LANGUAGE plpgsql AS $$
DECLARE
    clock timestamptz := coalesce(moment, clock_timestamp());
    best record;
    rule queuectl.queues;
    running bigint;
    holder text;
    room bigint;
    again timestamptz;
    numbered bigint;
    of_queue text;
BEGIN
    verdict := 'none';
    limited := false;
    IF EXISTS (SELECT FROM queuectl.stops WHERE host = of_host AND stops.number > stops_after) THEN
        RETURN;
    END IF;
    IF NOT looked AND (SELECT at FROM queuectl.openings WHERE at <= clock ORDER BY at LIMIT 1) IS NOT NULL THEN
        verdict := 'look';
        RETURN;
    END IF;
    IF (
        SELECT seq FROM queuectl.unfinished
        WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= clock
        ORDER BY next_run_at, seq LIMIT 1
    ) IS NOT NULL THEN
        WITH due AS MATERIALIZED (
            SELECT seq FROM queuectl.unfinished
            WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= clock
            ORDER BY next_run_at, seq
            LIMIT 1000
            FOR UPDATE SKIP LOCKED
        )
        UPDATE queuectl.unfinished SET ready = true WHERE seq = ANY(ARRAY(SELECT seq FROM due));
    END IF;
    IF of_queues IS NULL THEN
        SELECT * INTO best FROM queuectl.unfinished WHERE ready
        ORDER BY priority DESC, created_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSE
        FOREACH of_queue IN ARRAY of_queues LOOP
            SELECT * INTO best FROM queuectl.unfinished WHERE ready AND queue = of_queue
            ORDER BY priority DESC, created_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED;
            EXIT WHEN FOUND;
        END LOOP;
    END IF;
    IF best.seq IS NULL THEN
        RETURN;
    END IF;

    SELECT * INTO rule FROM queuectl.queues WHERE name = best.queue;
    limited := rule.name IS NOT NULL OR best.key IS NOT NULL;
    IF rule.name IS NOT NULL THEN
        PERFORM queuectl.lock_holder('queue:' || best.queue);
        SELECT * INTO rule FROM queuectl.queues WHERE name = best.queue;
    END IF;
    IF best.key IS NOT NULL THEN
        PERFORM queuectl.lock_holder('key:' || best.key);
    END IF;
    clock := coalesce(moment, clock_timestamp());

    IF best.key IS NOT NULL THEN
        SELECT count(*) INTO running FROM queuectl.unfinished WHERE state = 'processing' AND key = best.key;
        IF running >= best.key_limit THEN
            UPDATE queuectl.unfinished AS job SET ready = false, held_by = 'key:' || best.key
            WHERE seq = ANY(ARRAY(
                SELECT seq FROM queuectl.unfinished
                WHERE ready AND key = best.key AND key_limit <= running
                ORDER BY priority DESC, created_at, seq
                LIMIT 1000
                FOR UPDATE SKIP LOCKED
            ));
            -- Its queue may have let it go in vain, and has room for another one.
            IF rule.name IS NOT NULL THEN
                PERFORM queuectl.open_at('queue:' || best.queue, clock);
            END IF;
            verdict := 'again';
            RETURN;
        END IF;
    END IF;
    IF rule.name IS NOT NULL THEN
        holder := 'queue:' || best.queue;
        SELECT found.room, found.again INTO room, again FROM queuectl.room_of_queue(rule, clock, false) AS found;
        IF room <= 0 THEN
            UPDATE queuectl.unfinished SET ready = false, held_by = holder
            WHERE seq = ANY(ARRAY(
                SELECT seq FROM queuectl.unfinished
                WHERE ready AND queue = best.queue
                ORDER BY priority DESC, created_at, seq
                LIMIT 1000
                FOR UPDATE SKIP LOCKED
            ));
            IF again IS NOT NULL THEN
                PERFORM queuectl.open_at(holder, again);
            END IF;
            verdict := 'again';
            RETURN;
        END IF;
        IF rule.rate IS NOT NULL THEN
            SELECT coalesce(max(starts.number), 0) + 1 INTO numbered FROM queuectl.starts WHERE queue = best.queue;
            INSERT INTO queuectl.starts (queue, number, at) VALUES (best.queue, numbered, clock);
            DELETE FROM queuectl.starts WHERE queue = best.queue AND starts.number <= numbered - rule.rate;
            -- Nothing ends when a rate has room again.
            IF (SELECT seq FROM queuectl.unfinished WHERE held_by = holder ORDER BY queue LIMIT 1) IS NOT NULL THEN
                SELECT found.room, found.again INTO room, again
                FROM queuectl.room_of_queue(rule, clock, false) AS found;
                IF room > 0 OR again IS NOT NULL THEN
                    PERFORM queuectl.open_at(holder, coalesce(again, clock));
                END IF;
            END IF;
        END IF;
    END IF;

    IF best.attempt > 0 THEN
        INSERT INTO queuectl.attempts (
            seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error, log, log_end
        ) VALUES (
            best.seq, best.attempt, best.worker, best.started_at, best.ended_at, best.duration, best.outcome,
            best.exit_code, best.signal, best.last_error, best.log, best.log_end
        );
    END IF;
    UPDATE queuectl.unfinished AS job
    SET state = claimed, ready = false, next_run_at = NULL, attempt = job.attempt + 1, started_at = clock,
        ended_at = NULL, duration = NULL, outcome = NULL, exit_code = NULL, signal = NULL, log = NULL, log_end = NULL,
        worker = of_worker, cookie = new_cookie, cancel_requested_at = NULL
    WHERE job.seq = best.seq;
    INSERT INTO queuectl.count_changes (queue, state, n) VALUES (best.queue, best.state, -1), (best.queue, claimed, 1);
    SELECT * INTO taken FROM queuectl.job WHERE seq = best.seq AND state = 'processing';
    verdict := 'taken';
END
$$;
