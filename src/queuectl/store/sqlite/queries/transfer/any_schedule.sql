-- Whether there is any schedule: a row if so.
SELECT 1 FROM schedules LIMIT 1;
