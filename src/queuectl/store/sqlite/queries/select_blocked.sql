-- What is selected of the blocked jobs. Index: jobs_blocked.
SELECT seq FROM jobs WHERE state = 'blocked' AND {selected} ORDER BY seq LIMIT :limit;
