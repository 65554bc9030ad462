"""Frames back from media, whichever copy is good; restore, cat and export.

`known_media` what can be read from here, `far_media` what on other nodes; `copies` a frame from the
best copy; `upcoming` what a restore will need, `ahead` its frames from all media at once; `hits`
what a damage costs; `restoring` and `exporting` the sessions.
"""
