"""What is on a medium, and whether it is what was written."""
