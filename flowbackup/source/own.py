"""Sources that installed packages bring; see `port`."""

from __future__ import annotations

from collections.abc import Mapping

from flowbackup.errors import SourceError
from flowbackup.packages import all_brought, brought
from flowbackup.source.port import Source

GROUP = "flowbackup.sources"


def own_source(kind: str, options: Mapping[str, str | int | float | bool]) -> Source:
    """The source of that name, which has read nothing yet.  Raises SourceError."""
    found = brought(GROUP, kind)
    if found is None:
        known = all_brought(GROUP)
        raise SourceError(
            f'no installed package brings a source "{kind}"',
            remedy=f"install one, or use one of: {known}" if known else "install one",
        )
    try:
        source: Source = found.load()(options)
    except ValueError as error:
        raise SourceError(f'source "{kind}": {error}', remedy="correct its options") from error
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise SourceError(
            f'source "{kind}" cannot be made: {told}', remedy=f"look after {found.value}"
        ) from error
    return source
