"""What a damaged or missing frame hits, in words."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog.rows import HitRow
from flowbackup.units import format_path

PATHS_NAMED_MAX = 3
"""So many paths in one message; the rest is a number."""


def hits_text(hits: Sequence[HitRow]) -> str:
    """Every version that needs the frame, with the first paths whose content lies in it."""
    return "; ".join(_hit_text(hit) for hit in hits) or "hits no object"


def _hit_text(hit: HitRow) -> str:
    if not hit.paths:
        return f"frame {hit.frame} of {hit.version} (its list of files)"
    named = ", ".join(format_path(path) for path in hit.paths[:PATHS_NAMED_MAX])
    more = len(hit.paths) - PATHS_NAMED_MAX
    return f"frame {hit.frame} of {hit.version}: {named}" + (
        f" and {more} more" if more > 0 else ""
    )
