"""Versions as directories of a file system that can only be read."""
