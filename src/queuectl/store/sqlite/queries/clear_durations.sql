-- Forget how long runs took.
DELETE FROM durations;
