"""Values that travel and are recorded.  Frozen, without I/O.

`ids` names of sessions, objects, frames; `digest` the two hashes; `frame` header and descriptor;
`chunk` where content lies; `entry` one file of a version; `record` what a medium says about
versions and sessions; `device` where media are; `hook` what is done around sessions; `report` how a
session ended; `published` the same for programs.
"""
