"""The devices: a directory, one that swallows, and a limit around any of them."""
