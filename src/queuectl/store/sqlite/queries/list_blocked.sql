-- What waits for its parents. Index: jobs_blocked.
SELECT seq FROM jobs WHERE state = 'blocked' ORDER BY seq LIMIT :limit;
