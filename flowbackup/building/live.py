"""A session as it runs, in a notebook: what each edge moves, how full its buffers are, who waits
for whom.  One picture, which a widget shows anew as it changes; where no kernel runs it stands
still.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from xml.sax.saxutils import escape

from flowbackup.api.moment import edge_state_text, stage_text
from flowbackup.api.rates import RateMeter
from flowbackup.building.picture import Drawing
from flowbackup.building.plot import STYLE
from flowbackup.monitor import EdgeState, Problem, Progress
from flowbackup.units import format_rate, format_size

COPY = "copy"
"""The kind of sessions that come behind a backup in the same run."""
RATE_WINDOW_SECONDS = 3.0
"""Shorter jumps with every sync, longer hides that a device became slow."""
WIDTH, ROW_HEIGHT, TOP, MARGIN = 860, 26, 40, 10
NAME_X, RATE_X, BAR_X, BAR_WIDTH, SIZE_X, STATE_X = MARGIN, 310, 325, 120, 500, 635
INDENT = 12
PROBLEMS_SHOWN_MAX = 5
"""Also so many pictures between two moments: a tree that nobody may read is a problem for each of
its files, and a browser is not to draw each."""

SCRIPT = """
function render({ model, el }) {
  const draw = () => { el.innerHTML = model.get("picture"); };
  model.on("change:picture", draw);
  draw();
}
export default { render };
"""
"""The picture is made in Python, for the widget as for a page without a kernel."""


class Shown(Protocol):
    """What shows a picture anew when it is set: the widget."""

    picture: str


class LiveView:
    """A Monitor that shows itself in a notebook while a session runs:

    view = g.live()
    display(view)
    g.run(monitor=view)

    Needs `pip install 'flowbackup[notebook]'` to change as it is looked at; without it, and where
    the notebook is only read, it is a picture of the last moment."""

    def __init__(self, graph: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._graph = graph
        self._clock = clock
        self._widget: Shown | None = None
        self._has_begun = False
        self._begin()

    def _begin(self) -> None:
        self._meter = RateMeter(self._clock(), RATE_WINDOW_SECONDS)
        self._progress = Progress(stage="not begun")
        self._rates = self._meter.rates(self._progress, self._clock())
        self._problems: deque[str] = deque(maxlen=PROBLEMS_SHOWN_MAX)
        self._problems_since = 0

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """Of another run, unless it copies what this one has backed up: what the one before has
        left is shown no more."""
        if self._has_begun and kind != COPY:
            self._begin()
        self._has_begun = True

    def message(self, text: str) -> None:
        """Not shown: it is about one moment."""

    def problem(self, problem: Problem) -> None:
        self._problems.append(problem.text)
        self._problems_since += 1
        if self._problems_since <= PROBLEMS_SHOWN_MAX:
            self._show()

    def progress(self, progress: Progress) -> None:
        self._progress = progress
        self._problems_since = 0
        self._rates = self._meter.rates(progress, self._clock())
        self._show()

    @property
    def picture(self) -> Drawing:
        """Of this moment."""
        lines = [stage_text(self._progress, self._rates)]
        lines += [
            f"{edge.name} {format_rate(self._rates[edge.name])} {edge_state_text(edge)}"
            for edge in self._progress.edges
        ]
        return Drawing(self._svg(), "svg", "\n".join([f"{self._graph}: {lines[0]}", *lines[1:]]))

    def widget(self) -> Shown:
        """The one that shows this view.  Raises ImportError without the extra `notebook`."""
        if self._widget is None:
            self._widget = _make_widget(self.picture)
        return self._widget

    def _show(self) -> None:
        if self._widget is not None:
            self._widget.picture = self.picture

    def _svg(self) -> str:
        edges = self._progress.edges
        height = TOP + ROW_HEIGHT * (len(edges) + len(self._problems)) + MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img"><style>{STYLE}</style>',
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
            _text(NAME_X, 24, f"{self._graph}: {stage_text(self._progress, self._rates)}", "title"),
        ]
        for row, edge in enumerate(edges):
            parts += _row(edge, self._rates[edge.name], TOP + row * ROW_HEIGHT)
        for row, text in enumerate(self._problems, len(edges)):
            parts.append(_text(NAME_X, TOP + row * ROW_HEIGHT + 17, f"problem: {text}"))
        return "\n".join([*parts, "</svg>"])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget where a kernel runs, and in any case the picture of now."""
        still = self.picture._repr_mimebundle_()
        if not _has_kernel():
            return still
        try:
            shown = self.widget()._repr_mimebundle_(**options)  # type: ignore[attr-defined]
        except ImportError:
            return still
        if isinstance(shown, tuple):
            data, about = shown
            return {**data, **still}, about
        return {**(shown or {}), **still}


def _row(edge: EdgeState, rate: float, top: int) -> list[str]:
    """What one edge does: its name, rate, fill, what is durable, and who holds it up."""
    y = top + 17
    state = edge_state_text(edge)
    parts = [
        _text(NAME_X + INDENT * edge.level, y, edge.name),
        _text(RATE_X, y, format_rate(rate), ends=True),
    ]
    if edge.slots:
        fill = round(BAR_WIDTH * edge.slots_used / edge.slots)
        bar = f'x="{BAR_X}" y="{top + 5}" height="14"'
        parts += [
            f'<rect class="row" {bar} width="{BAR_WIDTH}"/>',
            f'<rect class="fill" {bar} width="{fill}"/>',
            _text(BAR_X + BAR_WIDTH + 8, y, f"{edge.slots_used}/{edge.slots}"),
            _text(SIZE_X, y, f"{format_size(edge.bytes_durable)} durable"),
        ]
    if state != "running":
        parts.append(_text(STATE_X, y, state))
    return parts


def _text(x: int, y: int, text: str, kind: str = "", *, ends: bool = False) -> str:
    """ends: at x, rather than begins there."""
    anchor = ' text-anchor="end"' if ends else ""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}"{anchor}>{escape(text)}</text>'


def _has_kernel() -> bool:
    """Is this a notebook that somebody looks at?  Asked without importing anything."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _make_widget(picture: str) -> Shown:
    anywidget = importlib.import_module("anywidget")
    traitlets = importlib.import_module("traitlets")
    parts = {"_esm": SCRIPT, "picture": traitlets.Unicode("").tag(sync=True)}
    widget: Shown = type("LiveWidget", (anywidget.AnyWidget,), parts)(picture=picture)
    return widget
