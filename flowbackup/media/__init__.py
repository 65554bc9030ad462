"""WRITING AND READING MEDIA.  FORMAT.md beside this file says what stands on a medium.

`port` what agents ask of a device; `open` which device a description means; `layout` records and
their headers; `calls` the system.  On these stand `labels` and `locks`, then `segments`, then
`devices` and `sets` of them, and `checks`.  `freeing` stands apart: it is no part of the port.
"""
