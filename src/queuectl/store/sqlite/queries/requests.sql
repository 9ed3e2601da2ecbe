-- What is asked of a run: a row at least while it is its worker's, and one for each request. Called by the worker when
-- something may be. Index: requests_of_run.
SELECT jobs.cancel_requested_at, jobs.paused_at, jobs.held_by, requests.number, requests.what, requests.value
FROM jobs LEFT JOIN requests ON requests.seq = jobs.seq AND requests.attempt = jobs.attempt
WHERE jobs.seq = :seq AND jobs.attempt = :attempt AND jobs.state = 'processing'
ORDER BY requests.number;
