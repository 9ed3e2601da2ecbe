-- Which of some numbers belong to jobs.
SELECT seq FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));
