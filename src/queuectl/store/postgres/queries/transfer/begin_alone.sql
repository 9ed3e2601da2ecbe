-- Let this transaction pass the triggers of a closed queue, and be the only one that begins or ends a transfer. It waits
-- for others for a while: who comes after it waits behind it.
SELECT
    set_config('queuectl.transfer', 'yes', true),
    set_config('lock_timeout', '10s', true),
    pg_advisory_xact_lock(hashtext('queuectl'), 4);
