"""Processes: the supervisor, its workers, and the commands of jobs."""
