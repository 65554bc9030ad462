"""Sources that installed packages bring; see `port`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from flowbackup.errors import SourceError
from flowbackup.source.port import Source

GROUP = "flowbackup.sources"


def own_source(kind: str, options: Mapping[str, str | int | float | bool]) -> Source:
    """The source of that name, which has read nothing yet.  Raises SourceError."""
    found = tuple(entry_points(group=GROUP, name=kind))
    if not found:
        known = ", ".join(sorted(entry.name for entry in entry_points(group=GROUP)))
        raise SourceError(
            f'no installed package brings a source "{kind}"',
            remedy=f"install one, or use one of: {known}" if known else "install one",
        )
    try:
        source: Source = found[0].load()(options)
    except ValueError as error:
        raise SourceError(f'source "{kind}": {error}', remedy="correct its options") from error
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise SourceError(
            f'source "{kind}" cannot be made: {told}', remedy=f"look after {found[0].value}"
        ) from error
    return source
