"""The PostgreSQL engine: a database on a server, many machines."""
