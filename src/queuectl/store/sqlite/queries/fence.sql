-- Whether a run is still its worker's, since when it is asked to end and to pause, and whether others wait for its end.
SELECT cancel_requested_at, paused_at, followed
FROM jobs WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
