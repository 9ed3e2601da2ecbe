-- How many jobs were put aside for each queue: those that wait apart.
SELECT queue, after IS NOT NULL OR batch_role IS NOT NULL AS waits, count(*) FROM temp.incoming GROUP BY 1, 2;
