"""flowbackup: backups as a dataflow graph on Ray.

Clients read data objects once; full buffers travel through chains of media agents, each
writing to one device and handing on to the next.  The folders are the architecture:

`model` values, `frame` the inside of a frame, `spec` what was written, `plan` what was decided,
`flow` the pure machines, `lanes` what a plan means for them, `source` reading, `media` writing and
reading media, `restore` putting back, `catalog` what is known, `runtime` what lives, `simulate`
what would be, `api` for programs, `cli` for people.
"""

__version__ = "0.1.0"
