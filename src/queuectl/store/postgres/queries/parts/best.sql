-- The best ready job, in the order of jobs_ready, if no job is due that has to be promoted first, and
-- there is nothing to look at among those that are held. With its last run, for
-- `take`: the row that is locked may be newer than all that the rest of the statement sees.
best AS MATERIALIZED (
    SELECT {run_columns}
    FROM queuectl.unfinished
    WHERE ready
        AND (
            -- The first in the order of the index: an EXISTS has no order, and may look at every row to find none.
            SELECT due.seq FROM queuectl.unfinished AS due
            WHERE NOT due.ready AND due.next_run_at IS NOT NULL AND due.held_by IS NULL
                AND due.next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
            ORDER BY due.next_run_at, due.seq
            LIMIT 1
        ) IS NULL
        AND (SELECT at FROM queuectl.openings
             WHERE at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp())) ORDER BY at LIMIT 1) IS NULL
        AND {may_claim}
    ORDER BY priority DESC, created_at, seq
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
