-- Let this transaction wait at most so long for a lock: whoever comes after it waits behind it.
SET LOCAL lock_timeout = '100ms';
