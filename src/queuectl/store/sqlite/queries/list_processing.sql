-- What runs, newest first: at most a row per worker, sorted rather than found by seq among all. Index: jobs_processing.
SELECT seq FROM jobs WHERE state = 'processing' ORDER BY +seq DESC LIMIT :limit;
