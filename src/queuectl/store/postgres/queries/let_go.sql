-- Let jobs go that something holds and has room for now; how many, or NULL when there is nothing to look at. On SQLite it
-- takes several statements under the write lock.
SELECT queuectl.let_go(%(now)s::timestamptz);
