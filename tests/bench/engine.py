"""The engine in this process, on a Ray that stays up: L against bare writers, and into nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from flowbackup.api import RunSettings, quick_plan, run_backup
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.spec import document_of
from flowbackup.spec.builder import GraphBuilder
from flowbackup.spec.models import FRAME_BYTES
from tests.bench.bare import bare_seconds
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, alternate, files_of
from tests.bench.tables import Row, Table, pair_ratios

DEVICES = (1, 2, 3)
BARE_TARGET = 0.9
NULL_TARGETS = {1: 3.0, 2: 2.5, 3: 2.0}
"""GB/s on two cores."""


def writers(bench: Bench) -> Table:
    """Durable, to 1, 2 and 3 devices, against as many bare writers of the same bytes."""
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    ratios: list[Row] = []
    figures: list[Row] = []
    starts: list[float] = []
    for devices in DEVICES:
        ours, theirs, aside = (
            f"engine, {devices} dev", f"bare, {devices} dev", f"bare reserved, {devices} dev",
        )  # fmt: skip
        contestants: dict[str, Callable[[], float]] = {
            ours: partial(_engine_seconds, bench, source, devices, starts),
            theirs: partial(_bare_seconds, bench, source, size_bytes, devices),
        }
        if devices == 1:
            contestants[aside] = partial(
                _bare_seconds, bench, source, size_bytes, devices, reserve=True
            )
        bench.yard.clear_for(len(contestants) * bench.rounds * devices * size_bytes)
        rounds = alternate(contestants, bench.rounds, source)
        seconds = rounds.seconds
        ratios.append(
            Row(f"engine / bare writers, {devices} device(s)", "x",
                pair_ratios(seconds[ours], seconds[theirs]), BARE_TARGET)
        )  # fmt: skip
        figures += [Row(name, "MB/s", rounds.rates(name, size_bytes)) for name in seconds]
    figures.append(Row("before the first frame, Ray being up", "s", tuple(starts)))
    return Table(
        "L to 1, 2, 3 devices, durable, without the start of Ray",
        (*ratios, *figures),
        (
            "Engine: from the first frame sent to the last segment sealed and the version in the "
            "catalog. Bare: from the first write to the last sync.",
            'Bare writers extend their files; "reserved" ones call fallocate first, as the '
            "engine's segments do.",
        ),
    )


def nothing(bench: Bench) -> Table:
    """The engine alone: everything but a device."""
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    starts: list[float] = []
    contestants = {
        f"chain of {n}": partial(_null_seconds, bench, source, n, starts) for n in DEVICES
    }
    rounds = alternate(contestants, bench.rounds, source)
    rows = [
        Row(f"engine on Ray alone, {name}", "GB/s",
            tuple(rate / 1000 for rate in rounds.rates(name, size_bytes)), NULL_TARGETS[devices])
        for name, devices in zip(contestants, DEVICES, strict=True)
    ]  # fmt: skip
    notes = ("Read, hashed, packed, handed on, digests checked; nothing kept.",)
    return Table("The engine alone: L into devices that swallow", tuple(rows), notes)


def source_reads(bench: Bench) -> Table:
    """How often the source is read, as the reader counts it: large and small files together."""
    sources = (bench.data.large(), bench.data.small())
    size_bytes = sum(size_of(source)[1] for source in sources)
    rows = []
    for devices in DEVICES:
        report = run(null_plan(sources, devices), bench)
        what = f"bytes read / size, {devices} device(s)"
        rows.append(Row(what, "x", (report.bytes_read / size_bytes,), 1.0, at_most=True))
    notes = ("L and S, two objects of one session.",)
    return Table("The source is read once", tuple(rows), notes)


def run(plan: Plan, bench: Bench) -> SessionReport:
    """One session with a catalog of its own; Ray must be up.  Raises RuntimeError if it does not
    end in success: a broken run is no measure."""
    catalog = bench.yard.fresh("catalog.sqlite")
    report = run_backup(plan, RunSettings(catalog=catalog, create=True), SilentMonitor())
    if report.outcome is not Outcome.SUCCESS:
        raise RuntimeError(f"the session ended {report.outcome}: {report.problems}")
    return report


def chain_plan(sources: Sequence[Path], bench: Bench, devices: int) -> Plan:
    """A chain of new directory devices."""
    first, *mirrors = [str(bench.yard.fresh("medium")) for _ in range(devices)]
    return quick_plan([str(source) for source in sources], first, mirrors)


def null_plan(sources: Sequence[Path], devices: int) -> Plan:
    """A chain of devices that swallow."""
    builder = GraphBuilder("bench", frame_size=FRAME_BYTES)
    for source in sources:
        builder.client("here").object(source.name, path=source)
    names = [builder.device(f"null{number}", kind="null") for number in range(devices)]
    group = builder.backup_group("primary", devices=names[:1])
    for level, name in enumerate(names[1:], 1):
        group = group.mirror(f"mirror{level}", devices=[name])
    return make_plan(document_of(builder.spec()))


def _engine_seconds(bench: Bench, source: Path, devices: int, starts: list[float]) -> float:
    bench.yard.make_room(devices * size_of(source)[1])
    return _without_start(run(chain_plan([source], bench, devices), bench), starts)


def _null_seconds(bench: Bench, source: Path, devices: int, starts: list[float]) -> float:
    return _without_start(run(null_plan([source], devices), bench), starts)


def _without_start(report: SessionReport, starts: list[float]) -> float:
    starts.append(report.start_seconds)
    return report.duration_seconds - report.start_seconds


def _bare_seconds(
    bench: Bench, source: Path, size_bytes: int, devices: int, *, reserve: bool = False
) -> float:
    bench.yard.make_room(devices * size_bytes)
    files = [bench.yard.fresh("bare.bin") for _ in range(devices)]
    return bare_seconds(size_bytes, next(files_of(source)), files, reserve=reserve)
