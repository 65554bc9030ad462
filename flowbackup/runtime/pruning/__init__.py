"""What is forgotten, and media made rid of it: the other session that may free.

`forgetting` which versions are to be no more; `session` a prune of all media, one behind the other;
`turn` of one medium, with what `room` is left there and a `tally` for the report; `pruner` whoever
does it, here or by an agent `far` away.
"""
