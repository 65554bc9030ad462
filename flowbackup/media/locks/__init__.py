"""Who may write to a medium now, who waits for it, and who is dead."""
