-- The starts that rates count.
SELECT queue, number, at FROM queuectl.starts ORDER BY queue, number;
