"""Making room on staging devices: a session of its own, the only one that may free."""
