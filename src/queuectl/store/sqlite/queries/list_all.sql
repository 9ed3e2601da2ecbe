-- Newest first.
SELECT seq FROM jobs ORDER BY seq DESC LIMIT :limit;
