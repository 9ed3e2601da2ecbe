-- Forget the jobs that were put aside before.
DROP TABLE IF EXISTS temp.incoming;
