"""The actors: thin shells over flow/, source/ and media/."""
