"""What a client was told to be safe already, by object."""

from __future__ import annotations

from collections.abc import Collection

from flowbackup.model.ids import FrameId
from flowbackup.model.known import HeldChunks, KnownContent
from flowbackup.source.known import KnownFiles


class ToldContent:
    """Collected before the client runs."""

    def __init__(self) -> None:
        self._contents: dict[str, dict[bytes, KnownContent]] = {}
        self._safe: dict[str, set[FrameId]] = {}
        self._held: dict[str, list[HeldChunks]] = {}

    def add(self, name: str, content: KnownContent, safe: Collection[FrameId]) -> None:
        """The newest content first; more pages of the same and more frames in further calls."""
        contents = self._contents.setdefault(name, {})
        before = contents.get(content.object_id)
        contents[content.object_id] = before.followed_by(content) if before else content
        self._safe.setdefault(name, set()).update(safe)

    def add_chunks(self, names: Collection[str], held: HeldChunks) -> None:
        """Of other versions and objects, for each of these."""
        for name in names:
            self._held.setdefault(name, []).append(held)

    def known_files(self, name: str, name_key: bytes) -> KnownFiles:
        """All that was told of an object; name_key: see KnownFiles."""
        return KnownFiles(
            tuple(self._contents.get(name, {}).values()),
            self._safe.get(name, ()),
            name_key,
            self._held.get(name, ()),
        )
