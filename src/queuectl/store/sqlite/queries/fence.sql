-- Whether a run is still its worker's, and since when it is asked to end.
SELECT cancel_requested_at FROM jobs WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
