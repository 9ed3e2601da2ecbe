-- What is selected of the jobs of one final state, last finished first. Index: jobs_finished.
SELECT seq FROM jobs
WHERE state = :state AND finished_at IS NOT NULL AND {selected}
ORDER BY finished_at DESC, seq DESC
LIMIT :limit;
