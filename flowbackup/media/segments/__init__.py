"""Runs of frames on a medium: appended, read back, found again after damage."""
