-- The number of the last request to stop, of whatever host.
SELECT coalesce(max(number), 0) FROM queuectl.stops;
