-- Ask the workers of a host to stop.
UPDATE queuectl.workers SET stop_requested = true, stop_now_requested = stop_now_requested OR %(now)s
WHERE host = %(host)s AND lease_until > clock_timestamp()
RETURNING id;
