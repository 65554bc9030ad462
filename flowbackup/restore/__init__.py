"""PUTTING BACK: entries and verified chunks become files again.

`port` where frames come from; `tree` the safe tree writer; `content` verified chunks of an entry;
`metadata` owners, modes, times, xattrs.
"""
