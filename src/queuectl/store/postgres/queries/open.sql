-- Let claims look at what a queue holds, now and when whatever has run beside this change is over: the end of a run whose
-- statement began before does not know that something is set for its queue.
INSERT INTO queuectl.openings (holder, at)
SELECT %(holder)s, coalesce(%(now)s::timestamptz, clock_timestamp()) + later * interval '1 second'
FROM unnest(ARRAY[0, 1, 10, 60]) AS later;
