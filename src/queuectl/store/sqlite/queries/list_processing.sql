-- What runs, newest first. Index: jobs_processing.
SELECT seq FROM jobs WHERE state = 'processing' ORDER BY seq DESC LIMIT :limit;
