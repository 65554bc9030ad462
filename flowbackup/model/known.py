"""What is safe already of an object whose backup was interrupted.

Values that travel from the catalog to the client: the list of the files that were read, as far as
it got, in pages like those of a manifest.
"""

from __future__ import annotations

from typing import NamedTuple


class KnownContent(NamedTuple):
    """Files of one object as one session has read them, in path order.  started_ns: when it began
    to read them.  pages: see `frame.page`; the files may break off anywhere."""

    object_id: bytes
    started_ns: int
    pages: tuple[bytes, ...] = ()


class JournalPage(NamedTuple):
    """The next piece of such a list, as the client tells it while it reads.  ordinal: from 0, in
    path order."""

    object_id: bytes
    client: str
    name: str
    source: bytes
    started_ns: int
    ordinal: int
    page: bytes
