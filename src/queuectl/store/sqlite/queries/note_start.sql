-- Note a start that a rate counts.
INSERT INTO starts (queue, number, at) VALUES (:queue, :number, :now);
