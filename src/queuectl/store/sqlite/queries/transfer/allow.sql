-- Undo `refuse`.
DROP TRIGGER IF EXISTS closed_{table}_{event};
