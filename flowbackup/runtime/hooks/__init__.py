"""What the user has done around sessions and objects.

`running` commands at their moments; `post` one request; `notices` whom to tell; `around` both
around a whole session.
"""
