"""LIVING: thin shells over flow/, source/ and media/.

From below: `engines` makes actors live, on Ray or in this process, and alone imports ray; `control`
the line into a running session; `hooks` what the user has done around it; `edges` what crosses from
actor to actor; `actors` the shells; `reading` frames back from media; `crew` all actors of a
session; on these stand `backup`, `copying` and `care`, the sessions that people start, `freeing`
and `pruning`, the only ones that may free; `mounting` shows what there is as directories.
"""
