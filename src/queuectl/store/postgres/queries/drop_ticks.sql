-- Forget the ticks of a schedule but for the last ones.
DELETE FROM queuectl.ticks WHERE schedule = %(schedule)s AND tick <= (
    SELECT tick FROM queuectl.ticks WHERE schedule = %(schedule)s ORDER BY tick DESC LIMIT 1 OFFSET %(keep)s
);
