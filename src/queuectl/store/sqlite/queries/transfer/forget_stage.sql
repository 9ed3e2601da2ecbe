-- Forget a transfer that was there before.
DELETE FROM transfers WHERE stage = :stage;
