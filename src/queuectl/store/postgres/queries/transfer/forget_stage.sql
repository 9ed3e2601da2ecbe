-- Forget a transfer that was there before.
DELETE FROM queuectl.transfers WHERE stage = %(stage)s;
