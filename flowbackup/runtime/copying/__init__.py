"""Stages of copies: what restore groups read and copy groups write."""
