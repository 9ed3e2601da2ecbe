-- Undo `refuse`. To drop the trigger would have to wait for everybody who reads the table.
ALTER TABLE ONLY queuectl.{table} DISABLE TRIGGER closed;
