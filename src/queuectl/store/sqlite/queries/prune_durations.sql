-- Forget the histograms of minutes before an instant. Primary key.
DELETE FROM durations WHERE minute < :minute;
