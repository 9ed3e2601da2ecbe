-- Give the best ready job to a worker, in one statement and round trip. Where one is due that is not ready,
-- something is to be looked at, or the best one may not start without more ado, the answer is no job, and `claim_limited`
-- follows. Others' claims skip a locked row.
-- (SQLite takes several statements for it, under its write lock; here claims do not wait for each other.)
-- The last column is what it took, in seconds, without the commit. Indexes: jobs_ready, jobs_due, openings_at.
WITH {best}, {take}, {claim_answer};
