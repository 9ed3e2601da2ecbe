-- When one of the starts was that a rate counts.
SELECT at FROM starts WHERE queue = :queue AND number = :number;
