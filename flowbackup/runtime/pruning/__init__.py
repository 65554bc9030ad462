"""What is forgotten, and media made rid of it: the other session that may free.

`forgetting` which versions are to be no more; `session` a prune of all media, one behind the other;
`turn` of one of them: what of it is needed, and a `tally` for the report; `medium` what is asked of
it and written to it, with what `room` is left there; `pruner` whoever does it, here or by an agent
`far` away.
"""
