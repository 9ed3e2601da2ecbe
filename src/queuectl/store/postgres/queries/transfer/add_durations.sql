-- Add to the histograms what was in another store.
COPY queuectl.durations (minute, queue, ending, bucket, n, total, shortest, longest) FROM STDIN;
