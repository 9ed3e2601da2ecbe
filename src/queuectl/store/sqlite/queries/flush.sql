-- Change one row, so that this commit writes, and with synchronous=FULL syncs all commits before it.
UPDATE flushes SET n = n + 1;
