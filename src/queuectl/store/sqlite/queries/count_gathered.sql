-- How many jobs were put aside for each queue.
SELECT queue, count(*) FROM temp.incoming GROUP BY queue;
