-- Say when to look at held jobs next.
INSERT INTO openings (holder, at) VALUES (:holder, :at)
ON CONFLICT DO UPDATE SET at = excluded.at;
