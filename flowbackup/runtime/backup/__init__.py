"""A backup session from start to report."""
