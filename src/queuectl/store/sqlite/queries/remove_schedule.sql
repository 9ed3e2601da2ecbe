-- Forget a schedule, with its ticks. Its jobs stay.
DELETE FROM schedules WHERE name = :name;
