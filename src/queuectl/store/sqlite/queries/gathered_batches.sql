-- The batches of the jobs that were put aside.
SELECT DISTINCT batch FROM temp.incoming WHERE batch IS NOT NULL ORDER BY batch;
