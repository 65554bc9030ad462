"""A Ray that stays up between commands: who keeps it, and how it is brought up and taken down."""
