"""Group commit: when an agent syncs.

After `bytes_max` written bytes, after `seconds_max`, at the end of an object, or when the window
is full and nothing can move before something is released; whichever is first.
"""

from __future__ import annotations


class GroupCommit:
    """Counts what was given to the writer and is not under a commit yet."""

    __slots__ = ("_bytes_max", "_pending_bytes", "_pending_since", "_seconds_max")

    def __init__(self, bytes_max: int, seconds_max: float) -> None:
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._pending_bytes = 0
        self._pending_since: float | None = None

    def wrote(self, size_bytes: int, now: float) -> None:
        self._pending_bytes += size_bytes
        if self._pending_since is None:
            self._pending_since = now

    def is_due(self, now: float) -> bool:
        """Enough bytes, or enough time since the oldest of them."""
        if self._pending_since is None:
            return False
        return (
            self._pending_bytes >= self._bytes_max or now - self._pending_since >= self._seconds_max
        )

    @property
    def has_pending(self) -> bool:
        return self._pending_since is not None

    def asked(self) -> None:
        """A commit is on its way for everything so far."""
        self._pending_bytes = 0
        self._pending_since = None
