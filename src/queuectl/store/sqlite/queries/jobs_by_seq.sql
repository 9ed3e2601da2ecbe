-- The jobs of a page of a list; the caller puts them in order.
SELECT * FROM job WHERE seq IN (SELECT value FROM json_each(:seqs));
