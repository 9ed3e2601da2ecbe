"""What is told about the running of the queue: events become lines, counts become figures."""
