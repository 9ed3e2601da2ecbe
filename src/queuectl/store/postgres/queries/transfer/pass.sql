-- Let a transfer come to its next stage.
UPDATE queuectl.transfers SET stage = %(following)s WHERE stage = %(stage)s AND id = %(id)s;
