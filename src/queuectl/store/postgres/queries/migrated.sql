-- Note a migration.
INSERT INTO queuectl.migrations (number, name) VALUES (%(number)s, %(name)s);
