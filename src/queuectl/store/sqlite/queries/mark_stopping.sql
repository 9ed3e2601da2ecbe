-- Record that a worker stops on request; the first time counts.
UPDATE workers SET stopping_at = :now WHERE id = :worker AND stopping_at IS NULL;
