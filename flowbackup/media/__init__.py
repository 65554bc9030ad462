"""WRITING AND READING MEDIA.  FORMAT.md beside this file says what stands on a medium.

`port` what agents ask of a device; `layout` records and their headers; `label` who a medium is;
`segment` appending; `reader` reading back; `directory` and `null` the devices; `verify`.  `freeing`
stands apart: it is no part of the port.
"""
