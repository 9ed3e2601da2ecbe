-- Note up to which job the queue is here; nothing when it is not as far as is thought, or this transfer is given up.
UPDATE transfers SET upto = :upto WHERE stage = 'arriving' AND id = :id AND upto = :after;
