"""What is predicted of devices with limits, and how long the session really takes.

A machine that has other things to do makes a session slower and never faster than its devices.  So
where a run took longer than predicted there is another one, on devices that are slower: the slower
they are, the less it matters who else wants the processor.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from flowbackup.api import RunSettings, run_backup
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.simulate import ObjectModel, Scenario, simulate
from flowbackup.spec import GraphBuilder

MB = 10**6
SIZE_BYTES = {"local": 24 * MB, "ray": 96 * MB}
"""Beginning and end of a session, of which a prediction of bytes knows nothing, take a tenth of a
second on Ray, and more where others work."""
SLOWER = {"local": (1, 1, 2, 4, 8, 16), "ray": (1, 1, 2, 4, 8)}
"""How many times, from run to run."""
WITHIN = 0.1

Draw = Callable[[GraphBuilder, int], None]


def _single(graph: GraphBuilder, slower: int) -> None:
    graph.backup_group("level0", devices=["a"])


def _cascade(graph: GraphBuilder, slower: int) -> None:
    first = graph.backup_group("level0", devices=["b"])
    first.mirror("level1", devices=["a"]).mirror("level2", devices=["c"])


def _fan_out(graph: GraphBuilder, slower: int) -> None:
    first = graph.backup_group("level0", devices=["b"])
    first.mirror("one", devices=["c"])
    first.mirror("other", devices=["a"])


def _striped(graph: GraphBuilder, slower: int) -> None:
    group = graph.backup_group("level0", devices=["a", "d"])
    group.mirror("level1", devices=["b", "c"])


def _limited(graph: GraphBuilder, slower: int) -> None:
    first = graph.backup_group("level0", devices=["b"])
    first.mirror("level1", devices=["c"], rate_limit=15 * MB // slower)


RATES = {"a": 16, "b": 40, "c": 24, "d": 8}
LAYOUTS = [_single, _cascade, _fan_out, _striped, _limited]


def _plan(draw: Draw, folder: Path, source: Path, slower: int) -> Plan:
    graph = GraphBuilder(
        "predicted", frame_size="512 KiB", sync_size="1 MiB", catalog=str(folder / "catalog.sqlite")
    )
    graph.client("web").object("site", path=source)
    for name, rate in RATES.items():
        graph.device(name, path=folder / name, rate_limit=rate * MB // slower)
    draw(graph, slower)
    return make_plan(graph.spec())


def _predicted(plan: Plan, engine: str) -> float:
    objects = {"web/site": ObjectModel(SIZE_BYTES[engine], files=4)}
    return simulate(plan, Scenario(objects=objects, call_seconds=0.001)).seconds


def _measured(plan: Plan, engine: str) -> float:
    """From the first frame to the end of one session, in seconds."""
    report = run_backup(plan, RunSettings(init=True, engine=engine), SilentMonitor())
    assert report.outcome is Outcome.SUCCESS
    return report.duration_seconds - report.start_seconds


def _compare(draw: Draw, folder: Path, engine: str) -> tuple[float, float]:
    """Seconds that were predicted, and those of the first run that took as long, or of the last."""
    source = folder / "source"
    source.mkdir()
    for number in range(4):
        # Nothing in it repeats, so that all of it has to be written.
        (source / f"{number}").write_bytes(Random(number).randbytes(SIZE_BYTES[engine] // 4))
    for run, slower in enumerate(SLOWER[engine]):
        place = folder / f"run{run}"
        place.mkdir()
        plan = _plan(draw, place, source, slower)
        predicted, measured = _predicted(plan, engine), _measured(plan, engine)
        shutil.rmtree(place)
        # Nobody is faster than his devices because of others.
        if measured < predicted * (1 + WITHIN):
            break
    return predicted, measured


@pytest.mark.parametrize("engine", ["local"], indirect=True)
@pytest.mark.parametrize("draw", LAYOUTS, ids=lambda draw: draw.__name__.strip("_"))
def test_a_session_takes_as_long_as_predicted(draw: Draw, engine: str, memory_path: Path) -> None:
    predicted, measured = _compare(draw, memory_path, engine)
    print(f"predicted {predicted:.3f} s, measured {measured:.3f} s")
    assert predicted == pytest.approx(measured, rel=WITHIN)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.parametrize("engine", ["ray"], indirect=True)
@pytest.mark.parametrize("draw", LAYOUTS, ids=lambda draw: draw.__name__.strip("_"))
def test_so_does_one_on_ray(draw: Draw, engine: str, memory_path: Path) -> None:
    predicted, measured = _compare(draw, memory_path, engine)
    print(f"predicted {predicted:.3f} s, measured {measured:.3f} s")
    assert predicted == pytest.approx(measured, rel=WITHIN)
