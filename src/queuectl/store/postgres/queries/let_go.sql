-- Let jobs go that something holds and has room for now: how many, and whether there may be more to look at. On SQLite it
-- takes several statements under the write lock.
SELECT freed, more FROM queuectl.let_go(%(now)s::timestamptz);
