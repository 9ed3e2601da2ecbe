-- Forget the histograms of hours that were over at an instant. Primary key.
DELETE FROM durations WHERE minute < :minute - :minute % 60;
