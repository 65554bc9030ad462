"""Tapes: what a drive and its kernel driver offer, and the files of media that lie on them.

`drive` the port, `kernel_drive` and `virtual_drive` behind it, the latter with a `cartridge`;
`tape` where the files of a loaded tape lie, `loaded` what they are; `shared_drive` the one opener
that a process may be; `changer` and `shelf` bring the right tape, `state` what is kept beside them;
`tape_files` shows all that as places are shown.
"""
