-- Give the best job that may start to a worker, where something is set for queues, jobs have keys, or the worker serves
-- some queues only (migrations/0005_queues.sql). What to do next, whether it was decided by such rules, and the job.
-- It takes the place of all that SQLite does under its write lock: `best_ready`, `standing`, `hold_queue` and so on.
SELECT verdict, limited, (taken).*
FROM queuectl.claim_limited(
    %(now)s::timestamptz, %(worker)s, %(cookie)s, %(claimed)s, %(host)s, %(after_stop)s,
    %(queues)s::text[], %(looked)s
);
