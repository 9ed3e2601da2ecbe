-- As `finish_and_claim`, for a process whose claims have become slow: see `claim_from`. Indexes: jobs_ready, jobs_due, openings_at.
WITH {end_run}, {best_beyond}, {take}, {finish_and_claim_answer};
