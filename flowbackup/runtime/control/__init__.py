"""The control channel: how another terminal of the same user speaks to a running session."""
