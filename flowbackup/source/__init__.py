"""READING: from a path to sealed frames.

`port` what the reader asks of the runtime, and of sources that packages bring; `walk` names by
directory descriptors; `selection` which of them are meant, by the lines that `patterns`
understands; `metadata` entries; `content` reads files into slots; `command` runs what the user
wrote; `stream` what commands write and pipes hold; `own` finds the sources of packages, and `fed`
reads them, and tables of programs;
`hashing` chunk digests and compression on other cores; `pieces` of the open frame, packed by them;
`filler` puts chunks into slots; `manifest` entries into pages and frames; `reader` reads one data
object; `scan` counts what there is to read; `explaining` tells which rule decided about one path.
"""
