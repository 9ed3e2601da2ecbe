-- Add to the histograms what was in another store.
INSERT INTO durations (minute, queue, ending, bucket, n, total, shortest, longest) VALUES (?, ?, ?, ?, ?, ?, ?, ?);
