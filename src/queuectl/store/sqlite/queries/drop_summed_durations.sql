-- Forget the minutes that `sum_up_durations` has added to their hours.
DELETE FROM durations WHERE minute < :minute AND minute % 60 <> 0;
