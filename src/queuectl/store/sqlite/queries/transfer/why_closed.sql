-- Why the queue is closed. Called when a trigger has refused a change.
SELECT stage, place FROM transfers WHERE stage <> 'arrived' ORDER BY stage LIMIT 1;
