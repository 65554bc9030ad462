"""What tests have shown of the targets that the project has set itself: the table at the end of a
run.  A test takes the fixture `target` and tells what it saw once it has seen it all:

    target("F7", cases=100_000, text="every rule kept")

Real losses (F8) have a table of their own, a line for each: the fixture `loss` takes a `Loss`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flowbackup.units import MIB

HEAD = ("target", "cases", "seconds", "seen")
LOSS_HEAD = ("fault", "moment", "replayed", "outcome", "went on after")
PAUSE_SECONDS_MAX = 5.0
"""The target for the longest pause of the stream behind a killed media agent.  Told and compared,
and no test fails by it: it measures the machine, too."""


@dataclass(frozen=True, slots=True)
class Shown:
    """cases: how many were tried; all of them ended as `text` says.  seconds: what they took.
    longest_seconds, peak_bytes: what one of them took at most, 0 where nobody looked."""

    target: str
    cases: int
    text: str
    seconds: float
    longest_seconds: float = 0.0
    peak_bytes: int = 0


class Target(Protocol):
    """What the fixture gives.  Without `seconds` the time since the test began is taken."""

    def __call__(
        self, target: str, *, cases: int, text: str, seconds: float | None = None,
        longest_seconds: float = 0.0, peak_bytes: int = 0,
    ) -> None: ...  # fmt: skip


class Recorder:
    """A Target for one test, which writes into the list of the whole run."""

    def __init__(self, shown: list[Shown]) -> None:
        self._shown = shown
        self._started = time.monotonic()

    def __call__(
        self, target: str, *, cases: int, text: str, seconds: float | None = None,
        longest_seconds: float = 0.0, peak_bytes: int = 0,
    ) -> None:  # fmt: skip
        if seconds is None:
            seconds = time.monotonic() - self._started
        self._shown.append(Shown(target, cases, text, seconds, longest_seconds, peak_bytes))


def table(shown: Iterable[Shown]) -> list[str]:
    """Lines of the table, by number of the target.  Tests that say the same of one target, as the
    parts of a parametrised one do, share a line."""
    sums: dict[tuple[str, str], Shown] = {}
    for each in shown:
        key = each.target, each.text
        sums[key] = _sum(sums[key], each) if key in sums else each
    rows = [_row(each) for each in sorted(sums.values(), key=_by_number)]
    return [_line(row, [HEAD, *rows]) for row in (HEAD, *rows)] if rows else []


def _sum(one: Shown, other: Shown) -> Shown:
    return Shown(
        one.target,
        one.cases + other.cases,
        one.text,
        one.seconds + other.seconds,
        max(one.longest_seconds, other.longest_seconds),
        max(one.peak_bytes, other.peak_bytes),
    )


def _row(shown: Shown) -> tuple[str, str, str, str]:
    longest = f"; the longest took {shown.longest_seconds:.2f} s" if shown.longest_seconds else ""
    peak = f"; the largest {shown.peak_bytes / MIB:.1f} MiB" if shown.peak_bytes else ""
    return shown.target, f"{shown.cases:,}", f"{shown.seconds:.1f}", shown.text + longest + peak


def _by_number(shown: Shown) -> tuple[int, str]:
    return int(shown.target.lstrip("F")), shown.text


def _line(row: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    target, cases, seconds = (max(len(each[i]) for each in rows) for i in range(3))
    return f"{row[0]:<{target}}  {row[1]:>{cases}}  {row[2]:>{seconds}}  {row[3]}"


@dataclass(frozen=True, slots=True)
class Loss:
    """A real fault in a real session.  replayed: frames that were sent again from memory.
    pause_seconds: for which nothing was written to any device.  agent_killed: whether the target
    for pauses is meant."""

    fault: str
    moment: str
    replayed: int
    outcome: str
    pause_seconds: float
    agent_killed: bool = False


def loss_table(losses: Sequence[Loss]) -> list[str]:
    """A line for each, and what became of the target for pauses."""
    rows = [
        (o.fault, o.moment, f"{o.replayed} frames", o.outcome, f"{o.pause_seconds:.2f} s")
        for o in losses
    ]
    *widths, _ = (max(map(len, column)) for column in zip(LOSS_HEAD, *rows, strict=True))
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]))
        for row in (LOSS_HEAD, *rows)
    ]
    return [*lines, *_pauses([o.pause_seconds for o in losses if o.agent_killed])] if rows else []


def _pauses(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return []
    verdict = "met" if max(seconds) < PAUSE_SECONDS_MAX else "NOT met"
    return [
        f"longest pause behind a killed media agent: {max(seconds):.2f} s in {len(seconds)} cases; "
        f"the target of {PAUSE_SECONDS_MAX:.0f} s is {verdict}"
    ]
