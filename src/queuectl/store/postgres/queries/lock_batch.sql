-- Keep others from judging a batch until this transaction ends: of two of its jobs that end at the same time, the
-- second one then sees the end of the first.
SELECT pg_advisory_xact_lock(hashtext('queuectl.batch'), hashtext(%(batch)s));
