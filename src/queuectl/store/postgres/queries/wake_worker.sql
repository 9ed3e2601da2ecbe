-- Let one worker look at what is asked of it.
SELECT pg_notify('queuectl_' || %(worker)s, 'look');
