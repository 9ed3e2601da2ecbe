-- What time it is by the clock that counts.
SELECT clock_timestamp();
