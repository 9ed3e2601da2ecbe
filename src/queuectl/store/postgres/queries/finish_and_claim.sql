-- `finish`, then `claim` for the same worker: one statement, and so one round trip, takes a tenth less than the two in
-- one. Always a row: what `finish` gives, then what `claim` gives, each NULL where there is nothing. The claim does not
-- see what the end of the run makes ready, so it is not asked to end a run that does.
-- Indexes: jobs_ready, jobs_due, openings_at.
WITH {end_run}, {best}, {take}, {finish_and_claim_answer};
