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


def catalog_of(named: Path | None, planned: str = "") -> Path:
    """The one that is named; else that of the environment, then that of a graph, then the default.
    planned: what a graph says, "" for nothing."""
    if named is not None:
        return named
    return Path(planned) if planned and VARIABLE not in os.environ else default_catalog_path()
