"""Owns what a schedule means: when it ticks, which ticks make a job, and how it is written. Must not know the store."""
