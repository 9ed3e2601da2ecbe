-- Note up to which job the queue is here; nothing when it is not as far as is thought, or this transfer is given up.
UPDATE queuectl.transfers SET upto = %(upto)s WHERE stage = 'arriving' AND id = %(id)s AND upto = %(after)s;
