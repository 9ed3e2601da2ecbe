-- Begin a transfer at this end.
INSERT INTO transfers (stage, id, place) VALUES (:stage, :id, :place);
