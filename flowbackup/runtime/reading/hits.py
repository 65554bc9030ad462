"""What a damaged or missing frame hits, in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flowbackup.catalog.rows import HitRow
from flowbackup.units import format_path

HITS_NAMED_MAX = 4
PATHS_NAMED_MAX = 3
"""So many in one message; the rest is a number, or "more"."""


def hits_text(hits: Iterator[HitRow]) -> str:
    """The first versions that need it, each with the first paths whose content lies in it."""
    named = [_hit_text(hit) for hit in islice(hits, HITS_NAMED_MAX)]
    if next(hits, None) is not None:
        named.append("and more")
    return "; ".join(named) or "hits no object"


def _hit_text(hit: HitRow) -> str:
    if not hit.paths:
        return f"frame {hit.frame} of {hit.version} (its list of files)"
    named = ", ".join(format_path(path) for path in hit.paths[:PATHS_NAMED_MAX])
    more = len(hit.paths) - PATHS_NAMED_MAX
    return f"frame {hit.frame} of {hit.version}: {named}" + (
        f" and {more} more" if more > 0 else ""
    )
