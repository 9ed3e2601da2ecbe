-- One job by its id.
SELECT * FROM job WHERE id = :id;
