"""A source and a device that flowbackup finds by the entry points of this package."""
