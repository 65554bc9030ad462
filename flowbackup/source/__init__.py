"""READING: from a path to sealed frames.

`port` what the reader asks of the runtime; `walk` names by directory descriptors; `metadata`
entries; `filler` packs chunks into slots; `reader` reads one data object.
"""
