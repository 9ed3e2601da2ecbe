-- What is selected of the jobs that run, newest first, as `list_processing`. Index: jobs_processing.
SELECT seq FROM jobs WHERE state = 'processing' AND {selected} ORDER BY +seq DESC LIMIT :limit;
