-- The starts that rates count.
SELECT queue, number, at FROM starts ORDER BY queue, number;
