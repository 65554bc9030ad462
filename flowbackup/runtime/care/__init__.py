"""Verify, drill, repair, rebuild."""
