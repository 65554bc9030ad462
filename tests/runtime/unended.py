"""A data object that has no end until the test says so: what is to be done to a running session
has all the time that a busy machine needs for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.runtime import cancel
from flowbackup.runtime.backup import runs
from flowbackup.runtime.cancel import Cancel, Part

BYTES_PER_TURN = 256 << 10
TURNS_MAX = 6000
"""Ends it in the tenth minute where the test itself is dead."""


class Unended:
    """The output of a command: new random bytes twenty times a second."""

    def __init__(self, folder: Path) -> None:
        self._end = folder / "end"
        script = (
            f"i=0; while [ ! -e {self._end} ] && [ $i -lt {TURNS_MAX} ]; "
            f"do head -c {BYTES_PER_TURN} /dev/urandom; i=$((i + 1)); sleep 0.05; done"
        )
        self.written = f"{{command: [sh, -c, '{script}']}}"
        """The object, as a graph has it."""

    def end(self) -> None:
        """Safe to repeat."""
        self._end.touch()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Ends it behind what is done within, also if that fails."""
        try:
            yield
        finally:
            self.end()


def give_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends a session behind the word of the user has the time that a busy machine needs for
    it.  Only what has no end is read no longer than otherwise, and what is about to begin does not.
    """
    latest = Cancel.latest

    def latest_for(cancel: Cancel, part: Part, otherwise: float) -> float:
        has_limit = part in (Part.BEGIN, Part.READ)
        return latest(cancel, part, otherwise) if has_limit else otherwise

    monkeypatch.setattr(Cancel, "latest", latest_for)
    monkeypatch.setattr(cancel, "AFTER_SECONDS_MAX", 60.0)
    for name in ("CANCEL_SECONDS_MAX", "CANCEL_SECONDS_MAX_HOOKS"):
        monkeypatch.setattr(runs, name, 60.0)
