"""All actors of one session: what each is told, hired, watched, sealed, reported."""
