-- Refuse a kind of change, also to those who have the file open: they see that the schema is another one.
CREATE TRIGGER IF NOT EXISTS closed_{table}_{event} BEFORE {event} ON {table}
BEGIN
    SELECT RAISE(ABORT, 'the queue is closed');
END;
