"""Of what runs: sessions that the page has started, and those that others have."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowbackup.ui.values.shape import Asked, JsonObject, Told


class RunEdge(Told):
    """One edge of the chain now.  rate: bytes per second.  fill: slots_used of slots, 0 of 0 for
    what is only read.  waiting_for: who holds it up, "" for nobody."""

    name: str
    source: str
    target: str
    level: int
    rate: float
    bytes_moved: int
    bytes_durable: int
    slots_used: int
    slots: int
    state: str
    waiting_for: str
    waiting_seconds: float


class RunProgress(Told):
    """Unknown totals are null."""

    stage: str
    files: int
    files_total: int | None
    bytes_read: int
    bytes_total: int | None
    rate: float
    edges: list[RunEdge]


class RunProblem(Told):
    kind: str
    text: str
    path: str
    device: str


class RunRow(Told):
    """id: what the page calls it.  session: that of the catalog, null until it is known.  state:
    running, ended, or lost (its process died without a word).  by_page: whether the page has
    started it."""

    id: str
    kind: str
    title: str
    session: str | None
    graph: str
    state: Literal["running", "ended", "lost"]
    outcome: str | None
    exit_code: int | None
    started_ns: str
    by_page: bool


class RunEvent(RunRow):
    """What comes once or twice a second: always the newest, whatever was missed.  message: the last
    that was said."""

    progress: RunProgress | None
    problems_total: int
    message: str


class RunState(RunRow):
    """command: the command line that does the same.  rows: what it said besides, as `--json` has it
    (of a dry run what would be restored from where, of verify what was found).  summary: its last
    word.  error: why it failed."""

    command: str
    progress: RunProgress | None
    problems: list[RunProblem]
    problems_total: int
    messages: list[str]
    rows: list[JsonObject]
    summary: JsonObject | None
    error: JsonObject | None


class RunRows(Told):
    rows: list[RunRow]
    next: str | None


class StartRun(Asked):
    """path: of a graph file that is saved.  init: make media in devices that hold none."""

    path: str
    init: bool = False
    dry_run: bool = False
    tags: list[str] = Field(default=[], max_length=16)


class Started(Told):
    id: str


class CancelRun(Asked):
    """now: not at the border of the objects under way."""

    now: bool = False


class AttachMirror(Asked):
    """device: a folder, with a slash in it, or the name of a device of the graph.  source: the
    agent that feeds it, "" for the one that begins the chain."""

    device: str
    source: str = ""
    init: bool = False


class DetachMirror(Asked):
    device: str


class LimitEdge(Asked):
    """edge: its name.  rate: bytes per second, null for no limit, until the session ends."""

    edge: str
    rate: int | None = Field(default=None, ge=1)


class Limited(Told):
    edge: str


class Changed(Told):
    """agent: that came or went."""

    agent: str
