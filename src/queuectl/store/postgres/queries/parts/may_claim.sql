-- The worker may not have heard yet that it is to stop: a claim of one that is cut off may arrive late.
NOT EXISTS (SELECT FROM queuectl.stops WHERE host = %(host)s AND number > %(after_stop)s)
