"""NUMBERS FOR PROMETHEUS: what is measured of a graph, and how it is written.

`families` names every number there is, `measured` takes them from what a session tells, `textfile`
writes them for node_exporter.  Pure but for that one file.
"""
