"""flowbackup: backups as a dataflow graph on Ray.

Clients read data objects once; full buffers travel through chains of media agents, each
writing to one device and handing on to the next.  The folders are the architecture:

`model` values, `frame` the inside of a frame, `spec` what was written, `plan` what was decided,
`flow` the pure machines, `lanes` what a plan means for them, `source` reading, `media` writing and
reading media, `restore` putting back, `catalog` what is known, `runtime` what lives, `simulate`
what would be, `api` for programs, `building` graphs in Python and notebooks, `cli` for people.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Graph is loaded when it is asked for: commands that only look do without.  What type checkers
    are to know of it stands in `__init__.pyi`."""
    if name != "Graph":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return importlib.import_module("flowbackup.building.graph").Graph
