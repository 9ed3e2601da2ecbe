-- The job that a worker holds: it may have been given one by a claim whose answer was lost. Index: jobs_processing.
SELECT * FROM queuectl.job WHERE state = 'processing' AND worker = %(worker)s;
