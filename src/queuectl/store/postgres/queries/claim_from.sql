-- As `claim`, for a process whose claims have become slow: it starts in the order where it found a job before.
-- A transaction that is open anywhere on the server keeps the entries of all jobs that were claimed since in jobs_ready;
-- `claim` steps over all of them (50,000: 5 ms). Here each priority of which this process took jobs begins at the last
-- of them, and those between are looked at whole, the higher ones first. What came back to the front is found by `claim`,
-- which follows when nothing is found, and once a second anyway. Indexes: jobs_ready, jobs_due, openings_at.
WITH {best_beyond}, {take}, {claim_answer};
