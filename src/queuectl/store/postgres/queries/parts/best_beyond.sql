best AS MATERIALIZED (
    SELECT found.*
    FROM
        unnest(%(above)s::bigint[], %(priorities)s::bigint[], %(created)s::timestamptz[], %(seqs)s::bigint[])
            AS place(above, priority, created_at, seq),
        LATERAL (
            SELECT * FROM (
                SELECT {run_columns}
                FROM queuectl.unfinished
                WHERE ready AND priority < place.above AND priority > place.priority
                ORDER BY priority DESC, created_at, seq
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            ) AS above
            UNION ALL
            SELECT * FROM (
                SELECT {run_columns}
                FROM queuectl.unfinished
                WHERE ready AND priority = place.priority AND (created_at, seq) >= (place.created_at, place.seq)
                ORDER BY created_at, seq
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            ) AS beyond
        ) AS found
    WHERE (
        SELECT due.seq FROM queuectl.unfinished AS due
        WHERE NOT due.ready AND due.next_run_at IS NOT NULL AND due.held_by IS NULL
            AND due.next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
        ORDER BY due.next_run_at, due.seq
        LIMIT 1
    ) IS NULL
        AND (SELECT at FROM queuectl.openings
             WHERE at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp())) ORDER BY at LIMIT 1) IS NULL
        AND {may_claim}
    LIMIT 1
)
