-- Refuse changes of a table, once those that have begun are over; but not those of whoever says that it moves the queue.
CREATE OR REPLACE TRIGGER closed BEFORE {events} ON queuectl.{table}
FOR EACH STATEMENT WHEN (current_setting('queuectl.transfer', true) IS DISTINCT FROM 'yes')
EXECUTE FUNCTION queuectl.refuse();
