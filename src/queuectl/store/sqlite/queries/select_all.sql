-- Jobs that are selected, whatever their state, newest first.
SELECT seq FROM jobs WHERE {selected} ORDER BY seq DESC LIMIT :limit;
