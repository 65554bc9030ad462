"""A process that ends between any two steps: of the system below the media, or of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flowbackup.catalog.database import Database
from flowbackup.testing.faulty_calls import FaultySystemCalls


class Killed(BaseException):
    """Nothing in the process may catch this and go on."""


class Killing(FaultySystemCalls):
    """Counts the steps, and ends the process instead of the n-th; from then on makes none.  late:
    behind it."""

    def __init__(self, nth: int = 0, *, late: bool = False) -> None:
        super().__init__()
        self.steps = 0
        self._nth = nth
        self._late = late
        self._is_dead = False

    def step(self) -> None:
        """Instead of this one it may end."""
        self.steps += 1
        if self._is_dead or (self.steps == self._nth and not self._late):
            self._end()

    def stepped(self) -> None:
        """Or behind it."""
        if self._is_dead or self.steps == self._nth:
            self._end()

    def _end(self) -> None:
        self._is_dead = True
        raise Killed

    def pwritev(self, fd: int, buffers: Any, offset: int) -> int:
        # Writes are made by other threads, whose end would not be that of the process.
        return super().pwritev(fd, buffers, offset)

    def close(self, fd: int) -> None:
        # Files are closed by the end of a process, too.
        super().close(fd)

    def _before(self, verb: str) -> None:
        super()._before(verb)
        if verb != "close":
            self.step()

    def _after(self, verb: str) -> None:
        super()._after(verb)
        if verb != "close":
            self.stepped()

    @contextmanager
    def in_catalog(self) -> Iterator[None]:
        """Writing statements are steps, too, and behind the last of a transaction its commit."""
        with pytest.MonkeyPatch.context() as patch:
            self._count(patch, "execute")
            self._count(patch, "execute_many")
            self._count(patch, "insert")
            yield

    def _count(self, patch: pytest.MonkeyPatch, name: str) -> None:
        made = getattr(Database, name)

        def counted(database: Database, sql: str, *values: Any) -> Any:
            self.step()
            result = made(database, sql, *values)
            self.stepped()
            return result

        patch.setattr(Database, name, counted)
