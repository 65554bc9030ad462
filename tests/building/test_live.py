"""A session that shows itself in a notebook as it runs, and stands still where none does."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from flowbackup import Graph
from flowbackup.building.live import PROBLEMS_SHOWN_MAX, LiveView
from flowbackup.monitor import EdgeState, Problem, Progress

SVG = "{http://www.w3.org/2000/svg}"
EDGES = (
    EdgeState("web -> primary.nas", 0, 300_000_000, 150_000_000, 6, 8),
    EdgeState("primary.nas -> offsite.<usb>", 1, 100_000_000, 0, 8, 8, "running", "usb", 4.0),
    EdgeState("read.nas", 0, 5, 0, 0, 0),
)


def moment(**known: Any) -> Progress:
    return Progress("backup", files=3, bytes_read=400_000_000, edges=EDGES, **known)


def view_of(*progress: Progress) -> LiveView:
    seconds = iter(range(100))
    view = LiveView("nightly", clock=lambda: float(next(seconds)))
    for each in progress:
        view.progress(each)
    return view


def texts(picture: str) -> list[str]:
    return ["".join(item.itertext()) for item in ET.fromstring(picture).iter(f"{SVG}text")]


def test_a_moment_shows_rates_fill_and_who_is_waited_for() -> None:
    view = view_of(Progress("starting"), moment(files_total=9, bytes_total=10**9))
    shown = texts(view.picture)
    assert shown[0].startswith("nightly: backup: 3 of 9 files, 381.5 MiB of 953.7 MiB read at ")
    assert "300 MB/s" in shown and "6/8" in shown and "143.1 MiB durable" in shown
    assert shown[5:7] == ["primary.nas -> offsite.<usb>", "100 MB/s"]
    assert "waiting for usb since 4 s" in shown
    fills = [item for item in ET.fromstring(view.picture).iter(f"{SVG}rect")
             if item.get("class") == "fill"]  # fmt: skip
    widths = [int(item.get("width", "")) for item in fills]
    assert len(widths) == 2 and widths[0] == round(widths[1] * 6 / 8)
    assert "waiting for usb" in view._repr_mimebundle_()["text/plain"]


def test_before_and_behind_problems_it_is_a_picture_too() -> None:
    view = view_of()
    assert texts(view.picture) == ["nightly: not begun"]
    view.problem(Problem("unreadable", "a & b cannot be read"))
    assert texts(view.picture)[-1] == "problem: a & b cannot be read"
    view.message("one line")
    assert set(view._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


def test_of_many_problems_the_last_ones_are_kept() -> None:
    view = view_of()
    for number in range(1000):
        view.problem(Problem("unreadable", f"file {number}"))
    assert texts(view.picture)[1:] == [f"problem: file {number}" for number in range(995, 1000)]
    assert len(view._problems) == PROBLEMS_SHOWN_MAX


def test_a_second_run_is_not_shown_with_the_problems_of_the_first() -> None:
    view = LiveView("nightly")
    for kind, text in (("backup", "of the backup"), ("copy", "of the copies")):
        view.session_began(b"", kind, "nightly")
        view.problem(Problem("unreadable", text))
    assert texts(view.picture)[1:] == ["problem: of the backup", "problem: of the copies"]
    view.session_began(b"", "backup", "nightly")
    assert texts(view.picture) == ["nightly: not begun"]


def test_a_session_tells_it_what_it_does(memory_path: Path) -> None:
    (memory_path / "file").write_bytes(Random(1).randbytes(2_500_000))
    graph = Graph("watched", catalog=str(memory_path / "catalog.sqlite"), engine="local")
    graph.client("lab").object("file", path=memory_path / "file")
    graph.backup_group("primary", devices=[memory_path / "nas"])
    view = graph.live()
    graph.run(create=True, monitor=view)
    assert "lab -> primary.nas" in texts(view.picture)
    assert "2.4 MiB durable" in texts(view.picture)


# With a kernel


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]


def test_a_widget_shows_each_moment() -> None:
    pytest.importorskip("anywidget")
    view = view_of(Progress("starting"))
    widget = view.widget()
    assert widget is view.widget()
    changes: list[str] = []
    widget.observe(lambda change: changes.append(change["new"]), "picture")  # type: ignore[attr-defined]
    view.progress(moment())
    assert widget.picture == view.picture
    assert len(changes) == 1 and "primary.nas" in changes[0]
    # All that the browser is told of it.
    assert set(widget.get_state(["picture", "_esm"])) == {"picture", "_esm"}  # type: ignore[attr-defined]
    assert 'model.get("picture")' in widget._esm  # type: ignore[attr-defined]


def test_many_problems_are_few_pictures_and_the_next_moment_shows_the_last() -> None:
    pytest.importorskip("anywidget")
    view = view_of(Progress("starting"))
    changes: list[str] = []
    view.widget().observe(lambda change: changes.append(change["new"]), "picture")  # type: ignore[attr-defined]
    for number in range(1000):
        view.problem(Problem("unreadable", f"file {number}"))
    view.progress(moment())
    assert len(changes) == PROBLEMS_SHOWN_MAX + 1
    assert "file 999" in changes[-1]


def test_where_a_kernel_runs_there_is_the_widget_and_the_picture(kernel: None) -> None:
    pytest.importorskip("anywidget")
    shown = view_of(moment())._repr_mimebundle_()
    data = shown[0] if isinstance(shown, tuple) else shown
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "primary.nas" in data["image/svg+xml"]


def test_without_the_extra_there_is_the_picture(
    kernel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert set(view_of(moment())._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
