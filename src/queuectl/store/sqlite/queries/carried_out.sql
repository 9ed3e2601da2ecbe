-- Forget requests that have been carried out.
DELETE FROM requests WHERE number IN (SELECT value FROM json_each(:numbers));
