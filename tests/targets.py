"""What tests have shown of the targets that the project has set itself: the table at the end of a
run.  A test takes the fixture `target` and tells what it saw once it has seen it all:

    target("F7", cases=100_000, text="every rule kept")
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

HEAD = ("target", "cases", "seconds", "seen")


@dataclass(frozen=True, slots=True)
class Shown:
    """cases: how many were tried; all of them ended as `text` says.  seconds: what they took."""

    target: str
    cases: int
    text: str
    seconds: float


class Target(Protocol):
    """What the fixture gives.  Without `seconds` the time since the test began is taken."""

    def __call__(
        self, target: str, *, cases: int, text: str, seconds: float | None = None
    ) -> None: ...


class Recorder:
    """A Target for one test, which writes into the list of the whole run."""

    def __init__(self, shown: list[Shown]) -> None:
        self._shown = shown
        self._started = time.monotonic()

    def __call__(self, target: str, *, cases: int, text: str, seconds: float | None = None) -> None:
        if seconds is None:
            seconds = time.monotonic() - self._started
        self._shown.append(Shown(target, cases, text, seconds))


def table(shown: Iterable[Shown]) -> list[str]:
    """Lines of the table, by number of the target.  Tests that say the same of one target, as the
    parts of a parametrised one do, share a line."""
    sums: dict[tuple[str, str], tuple[int, float]] = {}
    for each in shown:
        cases, seconds = sums.get((each.target, each.text), (0, 0.0))
        sums[each.target, each.text] = cases + each.cases, seconds + each.seconds
    rows = [
        (target, f"{cases:,}", f"{seconds:.1f}", text)
        for (target, text), (cases, seconds) in sorted(sums.items(), key=_by_number)
    ]
    return [_line(row, [HEAD, *rows]) for row in (HEAD, *rows)] if rows else []


def _by_number(item: tuple[tuple[str, str], object]) -> tuple[int, str]:
    (target, text), _ = item
    return int(target.lstrip("F")), text


def _line(row: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    target, cases, seconds = (max(len(each[i]) for each in rows) for i in range(3))
    return f"{row[0]:<{target}}  {row[1]:>{cases}}  {row[2]:>{seconds}}  {row[3]}"
