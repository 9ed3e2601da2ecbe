-- Count a run in the histogram of its minute.
INSERT INTO durations (minute, queue, ending, bucket, n, total, shortest, longest)
VALUES (:minute, :queue, :ending, :bucket, 1, :duration, :duration, :duration)
ON CONFLICT DO UPDATE SET
    n = n + 1,
    total = total + :duration,
    shortest = min(shortest, :duration),
    longest = max(longest, :duration);
