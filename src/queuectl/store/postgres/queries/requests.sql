-- What is asked of a run: a row at least while it is its worker's, and one for each request. Called by the worker when
-- something may be. Index: requests_of_run.
SELECT job.cancel_requested_at, job.paused_at, job.held_by, requests.number, requests.what, requests.value
FROM queuectl.unfinished AS job LEFT JOIN queuectl.requests USING (seq, attempt)
WHERE job.seq = %(seq)s AND job.attempt = %(attempt)s AND job.state = 'processing'
ORDER BY requests.number;
