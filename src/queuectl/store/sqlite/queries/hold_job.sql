-- Hold one job that its key lets not start. Called by a claim for the first of a key that it meets.
UPDATE jobs SET ready = 0, held_by = 'key:' || key WHERE seq = :seq;
