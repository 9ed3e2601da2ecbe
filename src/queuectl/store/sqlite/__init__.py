"""The SQLite engine: one file, one machine."""
