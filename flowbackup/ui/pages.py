"""Lists come in pages: no answer is longer than its reader can bear."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import islice
from typing import TypeVar

from flowbackup.ui.refusal import Refused

LIMIT_MAX = 200
SKIPPED_MAX = 1_000_000
Row = TypeVar("Row")


def page_of(rows: Iterable[Row], after: str, limit: int) -> tuple[list[Row], str | None]:
    """Some rows, and what to ask for to get the following ones; None where there are none.  after:
    what the page before said, "" for the first.  Raises Refused."""
    is_number = after.isascii() and after.isdecimal() and len(after) < 8
    if after and not (is_number and int(after) <= SKIPPED_MAX):
        raise Refused(400, "usage", f"{after!r} is not what a page before has said")
    skipped = int(after or 0)
    found = list(islice(rows, skipped, skipped + limit + 1))
    if isinstance(rows, Generator):
        rows.close()
    return found[:limit], str(skipped + limit) if len(found) > limit else None
