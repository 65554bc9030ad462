"""What is seen while something runs: a live table, a line every 10 s, JSON lines, a log, nothing.

`show_progress` chooses.  Rates are taken between snapshots, so that they say what is now; a total
that is not known is called unknown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flowbackup.api.moment import progress_fields, progress_line
from flowbackup.api.rates import RateMeter
from flowbackup.cli.log import LoggedProgress
from flowbackup.cli.output import Output
from flowbackup.cli.summary import PROBLEMS_SHOWN_MAX, problem_text
from flowbackup.model.published import problem_fields
from flowbackup.monitor import Monitor, Problem, Progress

LINE_SECONDS = 10.0
JSON_SECONDS = 1.0
"""A page that follows the lines wants to move; a log does not want more than it can be read."""

Clock = Callable[[], float]


class LineProgress:
    """A Monitor that writes a remark for every problem, and one for the state every 10 s."""

    def __init__(self, output: Output, clock: Clock = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._rates = RateMeter(clock(), LINE_SECONDS)
        self._next = clock() + LINE_SECONDS
        self._problems = 0

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """The summary names it."""

    def message(self, text: str) -> None:
        self._output.remark(text)

    def problem(self, problem: Problem) -> None:
        self._problems += 1
        if self._problems <= PROBLEMS_SHOWN_MAX:
            self._output.remark(f"problem: {problem_text(problem)}")
        elif self._problems == PROBLEMS_SHOWN_MAX + 1:
            self._output.remark("more problems: the summary counts them")

    def progress(self, progress: Progress) -> None:
        now = self._clock()
        rates = self._rates.rates(progress, now)
        if now >= self._next:
            self._next = now + LINE_SECONDS
            self._output.remark(progress_line(progress, rates))


class JsonProgress:
    """A Monitor that writes each event as an object; states at most once a second."""

    def __init__(self, output: Output, clock: Clock = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._rates = RateMeter(clock(), JSON_SECONDS)
        self._next = clock()

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """The summary names it."""

    def message(self, text: str) -> None:
        self._output.remark(text)

    def problem(self, problem: Problem) -> None:
        self._output.row("problem", problem_fields(problem), "")

    def progress(self, progress: Progress) -> None:
        now = self._clock()
        rates = self._rates.rates(progress, now)
        if now >= self._next:
            self._next = now + JSON_SECONDS
            self._output.row("progress", progress_fields(progress, rates), "")


class QuietProgress:
    """A Monitor for -q: the report at the end has every problem."""

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """The summary names it."""

    def message(self, text: str) -> None:
        """Nobody wants to hear it."""

    def problem(self, problem: Problem) -> None:
        """The summary says it."""

    def progress(self, progress: Progress) -> None:
        """Nobody watches."""


@contextmanager
def show_progress(output: Output) -> Iterator[Monitor]:
    """The Monitor that fits the options and the terminal, for as long as the command runs."""
    if output.log_json:
        behind = JsonProgress(output) if output.json and not output.quiet else QuietProgress()
        yield LoggedProgress(output.log, behind, output.remark, tells_states=not output.quiet)
    elif output.quiet:
        yield QuietProgress()
    elif output.json:
        yield JsonProgress(output)
    elif sys.stderr.isatty():
        # With it comes rich, for which nobody waits where there is no terminal.
        from flowbackup.cli.live import LiveTable  # noqa: PLC0415

        with LiveTable() as live:
            yield live
    else:
        yield LineProgress(output)
