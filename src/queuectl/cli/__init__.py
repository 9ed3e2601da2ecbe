"""The command line: one verb a file, one table of all of them (`table.py`), one way out (`main.py`)."""
