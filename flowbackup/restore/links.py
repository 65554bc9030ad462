"""Hard links: the first restored name of a set, and content where there is none."""

from __future__ import annotations

from collections.abc import Callable

from flowbackup.errors import DamageError, NotFoundError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.units import format_path

FirstEntry = Callable[[bytes], Entry]
"""The entry of a path of the version, relative to the object's root.  Raises NotFoundError."""


class HardLinks:
    """The sets of one restore."""

    def __init__(self, under: bytes, first_entry: FirstEntry | None) -> None:
        """under: what the paths of entries are relative to."""
        self._under = under
        self._first_entry = first_entry
        # By kind and original path of the first name.
        self._restored: dict[tuple[int, bytes], tuple[bytes, tuple[int, int]]] = {}

    def restored(self, entry: Entry) -> tuple[bytes, tuple[int, int]] | None:
        """Where the first name of a further one was restored, and its identity."""
        assert entry.hard_link is not None
        return self._restored.get((entry.kind, entry.hard_link))

    def remember(self, entry: Entry, identity: tuple[int, int] | None) -> None:
        """The first restored name of a set stands for the set."""
        if entry.links > 1 and identity is not None:
            original = b"/".join(part for part in (self._under, entry.path) if part)
            self._restored[entry.kind, entry.hard_link or original] = (entry.path, identity)

    def whole(self, entry: Entry) -> Entry:
        """A further name as a file of its own, with the content that its first name has.  Raises
        NotFoundError, DamageError."""
        first = entry.hard_link
        if entry.kind != EntryKind.FILE or first is None:
            return entry
        if self._first_entry is None:
            raise NotFoundError(
                f"its content belongs to {format_path(first)}, which is not restored"
            )
        content = self._first_entry(first)
        if content.kind != EntryKind.FILE or content.hard_link is not None:
            raise DamageError(f"it is a further name of {format_path(first)}, which has no content")
        return entry._replace(size=content.size, holes=content.holes, chunks=content.chunks)
