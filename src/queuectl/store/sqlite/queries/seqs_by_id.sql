-- The numbers and states of jobs of some ids.
SELECT seq, state FROM jobs WHERE id IN (SELECT value FROM json_each(:ids));
