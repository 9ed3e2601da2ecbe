-- Forget a schedule, with its ticks. Its jobs stay.
DELETE FROM queuectl.schedules WHERE name = %(name)s;
