"""Where the catalog is, where nobody names a file."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "FLOWBACKUP_CATALOG"


def default_catalog_path() -> Path:
    """FLOWBACKUP_CATALOG, or flowbackup/catalog.sqlite in the user's data directory."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "flowbackup" / "catalog.sqlite"


def catalog_of(named: Path | None, of_graph: str = "") -> Path:
    """What a command names, else the environment, else a graph, else the default one."""
    if named is not None:
        return named
    if of_graph and VARIABLE not in os.environ:
        return Path(of_graph)
    return default_catalog_path()
