-- Give the best ready job to a worker, in one statement and round trip. Unless it is said that due jobs have been
-- promoted, there must be none: the answer is then no job, and `promote` follows. Others' claims skip a locked row.
-- (SQLite takes several statements for it, under its write lock; here claims do not wait for each other.)
-- The last column is what it took, in seconds, without the commit. Indexes: jobs_ready, jobs_due.
WITH {best}, {take}, {claim_answer};
