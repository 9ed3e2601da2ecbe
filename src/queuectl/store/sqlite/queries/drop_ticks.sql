-- Forget the ticks of a schedule but for the last ones.
DELETE FROM ticks WHERE schedule = :schedule AND tick <= (
    SELECT tick FROM ticks WHERE schedule = :schedule ORDER BY tick DESC LIMIT 1 OFFSET :keep
);
