-- Let a transfer come to its next stage.
UPDATE transfers SET stage = :following WHERE stage = :stage AND id = :id;
