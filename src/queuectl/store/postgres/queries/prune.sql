-- Forget a batch of jobs of one final state, the oldest first. What is kept by the day goes with its day (`drop_day`):
-- of completed and cancelled jobs only those are looked at that fell into no day.
-- Indexes: jobs_dead_finished, completed_other_finished_at_seq_idx, cancelled_other_finished_at_seq_idx.
WITH oldest AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) - %(age)s::double precision * interval '1 second' AS instant
), batch AS MATERIALIZED (
    (SELECT seq FROM queuectl.dead
     WHERE %(state)s = 'dead' AND finished_at < (SELECT instant FROM oldest)
     ORDER BY finished_at, seq
     LIMIT %(limit)s)
    UNION ALL
    (SELECT seq FROM queuectl.completed_other
     WHERE %(state)s = 'completed' AND finished_at < (SELECT instant FROM oldest)
     ORDER BY finished_at, seq
     LIMIT %(limit)s)
    UNION ALL
    (SELECT seq FROM queuectl.cancelled_other
     WHERE %(state)s = 'cancelled' AND finished_at < (SELECT instant FROM oldest)
     ORDER BY finished_at, seq
     LIMIT %(limit)s)
), gone AS (
    DELETE FROM queuectl.jobs
    WHERE seq = ANY(ARRAY(SELECT seq FROM batch)) AND state = %(state)s
    RETURNING seq, id, queue, state
), {forget}
SELECT seq FROM gone;
