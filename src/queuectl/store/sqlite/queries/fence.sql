-- Whether a run is still its worker's, and whether it has been asked to end. Called before every finish and rescue.
SELECT cancel_requested_at FROM jobs WHERE seq = :seq AND attempt = :attempt AND state = 'processing';
