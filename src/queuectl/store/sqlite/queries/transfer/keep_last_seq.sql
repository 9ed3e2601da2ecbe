-- Never give numbers up to this one again.
INSERT INTO sqlite_sequence (name, seq)
SELECT 'jobs', :seq WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs');
