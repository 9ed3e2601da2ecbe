-- Wake workers that sleep, and note that they do not any more: what is enqueued next wakes others, or nobody.
-- Commits with a NOTIFY wait for each other, whatever they are about: so it is one of its own, and only where somebody
-- sleeps.
WITH chosen AS MATERIALIZED (
    SELECT id FROM queuectl.workers
    WHERE idle
        -- Heard of within half a lease, of which a quarter lies between the two: on a machine that has died nobody wakes.
        AND lease_until - clock_timestamp() > 2 * (rescue_at - lease_until)
    -- Where some serve some queues only, all: who serves those of the jobs is among them.
    LIMIT CASE
        WHEN NOT EXISTS (SELECT FROM queuectl.workers AS picky WHERE picky.queues IS NOT NULL) THEN %(jobs)s::bigint
    END
    FOR UPDATE SKIP LOCKED
), woken AS (
    UPDATE queuectl.workers SET idle = false FROM chosen WHERE workers.id = chosen.id RETURNING workers.id
)
SELECT pg_notify('queuectl_' || id, 'work'), set_config('synchronous_commit', 'off', true) FROM woken;
