-- Give up a transfer at this end.
DELETE FROM queuectl.transfers WHERE stage = %(stage)s AND id = %(id)s;
