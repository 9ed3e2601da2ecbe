"""queuectl: a durable background job queue, driven from the command line."""

__version__ = "0.1.0"
