-- Ids by prefix. `id` is unique, so the range is a walk through its index.
SELECT id FROM jobs WHERE id >= :prefix AND id < :end ORDER BY id DESC LIMIT :limit;
