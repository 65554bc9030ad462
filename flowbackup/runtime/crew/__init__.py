"""All actors of one session: let in to its devices, told, hired, watched, sealed, reported."""
