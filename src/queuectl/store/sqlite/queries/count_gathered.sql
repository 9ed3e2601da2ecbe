-- How many jobs were put aside.
SELECT count(*) FROM temp.incoming;
