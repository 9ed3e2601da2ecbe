(%(queues)s::text[] IS NULL OR queue = ANY(%(queues)s::text[]))
    AND (%(tags)s::jsonb IS NULL OR tags::jsonb @> %(tags)s::jsonb)
    AND (%(batch)s::text IS NULL OR (batch = %(batch)s::text AND batch_role IS NULL))
    AND (%(command)s::text IS NULL
        OR command LIKE %(command)s::text ESCAPE '~'
        OR replace(encode(substring(argv FOR octet_length(argv) - 1), 'escape'), '\000', ' ')
            LIKE %(words)s::text ESCAPE '~')
    AND (NOT %(paused)s OR paused_at IS NOT NULL)
    AND (%(older_than)s::double precision IS NULL OR created_at < (
        SELECT coalesce(%(now)s::timestamptz, clock_timestamp())
            - %(older_than)s::double precision * interval '1 second'
    ))
