"""Graphs of ten thousand agents, in every shape that could be slow: work grows as they do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowbackup.plan import check, make_plan
from flowbackup.plan.context import context_of
from flowbackup.plan.making import check_reading
from flowbackup.plan.placement import place
from flowbackup.spec import Severity, parse_graph
from flowbackup.spec.document import read_graph_text
from flowbackup.spec.plain import read_plain
from tests.plan import shapes
from tests.plan.work import lines_run
from tests.plan.written import PLENTY
from tests.targets import Target

AGENTS = 10_000
LARGE = {"parts": 7_000, "clients": 7_000}
"""Shapes of which more would not fit the largest file."""
SMALL = 200


def check_and_place(text: str) -> None:
    reading = read_graph_text(text)
    assert reading.document is not None
    findings = check_reading(reading, machine=PLENTY)
    if all(finding.severity is Severity.WARNING for finding in findings):
        place(context_of(reading.document, PLENTY))


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_twice_as_many_agents_are_twice_the_work(shape: str) -> None:
    small, large = (shapes.SHAPES[shape](size) for size in (SMALL, 2 * SMALL))
    assert check(parse_graph(small), machine=PLENTY) == ()
    assert make_plan(parse_graph(large), machine=PLENTY)

    once = lines_run(lambda: check_and_place(small))
    twice = lines_run(lambda: check_and_place(large))

    assert twice < 2.05 * once, f"{once} lines of code, and {twice} for twice the size"


@pytest.mark.parametrize("shape", shapes.FAULTY)
def test_twice_as_many_faults_are_twice_the_work(shape: str) -> None:
    rule, made = shapes.FAULTY[shape]
    small, large = made(SMALL), made(2 * SMALL)
    reading = read_graph_text(small)
    found = {f.rule for f in check_reading(reading, machine=PLENTY) if f.severity == "error"}
    assert found == {rule}

    once = lines_run(lambda: check_and_place(small))
    twice = lines_run(lambda: check_and_place(large))

    assert twice < 2.05 * once, f"{once} lines of code, and {twice} for twice the size"


@pytest.mark.parametrize("shape", ["crossed", "crowd"])
def test_a_short_text_cannot_ask_for_millions_of_couplings(shape: str) -> None:
    """Neither are they made before they are refused."""
    document = parse_graph(getattr(shapes, shape)(2_000))
    lines = 0

    def checked() -> None:
        nonlocal lines
        found = [f for f in check(document, machine=PLENTY) if f.severity is Severity.ERROR]
        assert {finding.rule for finding in found} == {"too-many-pairs"}
        lines = min(int(finding.place.split(":")[1]) for finding in found)

    assert lines_run(checked) < 1_000_000
    assert lines > 2_000


def test_ten_thousand_agents_are_checked_by_the_command(tmp_path: Path, target: Target) -> None:
    file = tmp_path / "large.yaml"
    file.write_text(shapes.tree(AGENTS))
    program = "from flowbackup.cli.main import main; main()"
    command = [sys.executable, "-c", program, "graph", "check", str(file), "--json"]
    started = time.monotonic()

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    target(
        "F6", cases=AGENTS, seconds=time.monotonic() - started,
        text="agents in one graph, checked by the whole command",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["agents"], told["warnings"]) == (AGENTS, 0)


@pytest.mark.slow
@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_ten_thousand_agents_of_every_shape(shape: str, target: Target) -> None:
    size = LARGE.get(shape, AGENTS)
    text = shapes.SHAPES[shape](size)
    assert read_plain(text, "x") is not None
    started = time.process_time()

    check_and_place(text)

    target(
        "F6", cases=size, seconds=time.process_time() - started,
        text=f"agents in one graph ({shape}), checked and planned, of one processor",
    )  # fmt: skip
