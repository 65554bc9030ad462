"""The live table on a terminal: one row for each edge of the chain."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flowbackup.api.moment import edge_state_text, stage_text
from flowbackup.api.rates import RateMeter
from flowbackup.cli.summary import PROBLEMS_SHOWN_MAX, problem_text
from flowbackup.monitor import EdgeState, Problem, Progress
from flowbackup.units import format_rate, format_size

REFRESHES_PER_SECOND = 2
"""As often as news comes; more would only fill the log of a recorded terminal."""
RATE_WINDOW_SECONDS = 3.0
"""Shorter jumps with every sync, longer hides that a device became slow."""
BAR_COLUMNS = 16


class LiveTable:
    """A Monitor that keeps the last snapshot on the screen, from the first one on, and messages
    above it: before that somebody may be asked for a passphrase, and a table would paint over the
    question.  It goes when the command ends: the summary says more."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._started = clock()
        self._meter = RateMeter(self._started, RATE_WINDOW_SECONDS)
        self._progress = Progress(stage="starting")
        self._problems = 0
        self._is_wanted = False
        self._live = Live(
            console=self._console,
            refresh_per_second=REFRESHES_PER_SECOND,
            get_renderable=self.render,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._is_wanted = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_wanted = False
        self._live.stop()

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """The summary names it."""

    def message(self, text: str) -> None:
        self._console.print(text, markup=False)

    def problem(self, problem: Problem) -> None:
        self._problems += 1
        if self._problems <= PROBLEMS_SHOWN_MAX:
            self._console.print(f"problem: {problem_text(problem)}", style="yellow", markup=False)

    def progress(self, progress: Progress) -> None:
        self._progress = progress
        if self._is_wanted and not self._live.is_started:
            self._live.start()

    def render(self) -> ConsoleRenderable:
        """What stands on the screen now; where no news comes, rates fall to nothing."""
        progress = self._progress
        rates = self._meter.rates(progress, self._clock())
        head = Text(stage_text(progress, rates))
        if not progress.edges:
            head.append(f", {self._clock() - self._started:.0f} s", style="dim")
        if self._problems:
            plural = "s" if self._problems > 1 else ""
            head.append(f", {self._problems} problem{plural}", style="yellow")
        if not progress.edges:
            return head
        return Group(head, edge_table(progress.edges, rates))


def edge_table(edges: tuple[EdgeState, ...], rates: dict[str, float]) -> Table:
    """One row for each edge; an edge is indented by its level."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("edge", overflow="fold")
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("buffer", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("durable", justify="right", no_wrap=True)
    table.add_column("state", overflow="fold")
    for edge in edges:
        state = edge_state_text(edge)
        table.add_row(
            Text("  " * edge.level + edge.name),
            format_rate(rates[edge.name]),
            *_buffer_cells(edge),
            Text(state, style=_style(state)),
        )
    return table


def _buffer_cells(edge: EdgeState) -> tuple[ConsoleRenderable | str, str, str]:
    """Fill and what is durable; nothing for what is only read."""
    if not edge.slots:
        return "", "", ""
    bar = ProgressBar(
        total=edge.slots,
        completed=edge.slots_used,
        width=BAR_COLUMNS,
        style="dim",
        complete_style="cyan",
        finished_style="cyan",
    )
    return bar, f"{edge.slots_used}/{edge.slots}", format_size(edge.bytes_durable)


def _style(state: str) -> str:
    if state in ("failed", "damaged"):
        return "red"
    return "yellow" if state.startswith(("waiting", "relay-only", "detached")) else ""
