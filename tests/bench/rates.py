"""Devices and couplings with limits: what passes in all, as a part of what they would let pass.

The limits follow from the size of the data, so that a run takes about as long at every scale.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from flowbackup.api import RunSettings, run_backup
from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.devices.rate import RateLimitedDevice
from flowbackup.media.open import open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.restore.tree import restore_tree
from flowbackup.runtime.reading.copies import copy_reader
from flowbackup.runtime.reading.known_media import KnownMedia
from flowbackup.spec import document_of
from flowbackup.spec.builder import GraphBuilder
from flowbackup.units import MIB
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, alternate
from tests.bench.tables import Row, Table

RUN_SECONDS = 12
FRAME_BYTES = 2 * MIB
"""Small, so that the first and the last frame of a short run are a small part of it."""
FAST, SLOW = 0.75, 0.25
SUM_TARGET = 0.95
LIMIT_LEAST, LIMIT_MOST = 0.95, 1.05
SUMS = ("backup to a group of two", "restore of a striped version", "restore of equal copies")
COUPLING = "coupling with a limit"


def rates(bench: Bench) -> Table:
    """Two devices, one three times as fast as the other, and one coupling."""
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    bench.yard.make_room((bench.command_rounds * 4 + 3) * size_bytes)
    limited = Limited(bench, source, size_bytes)
    striped, equal = limited.striped(), limited.equal()
    rounds = alternate(
        {
            SUMS[0]: limited.backup_seconds,
            SUMS[1]: lambda: limited.restore_seconds(striped),
            SUMS[2]: lambda: limited.restore_seconds(equal),
            COUPLING: limited.coupling_seconds,
        },
        bench.command_rounds,
        source,
    )
    parts = {name: tuple(RUN_SECONDS / s for s in rounds.seconds[name]) for name in rounds.seconds}
    return Table(
        f"Two devices at {FAST:g} and {SLOW:g} of {size_bytes / RUN_SECONDS / 1e6:.0f} MB/s",
        (
            *(Row(f"{name} / sum of the rates", "x", parts[name], SUM_TARGET) for name in SUMS),
            Row(f"{COUPLING} / limit", "x", parts[COUPLING], LIMIT_LEAST),
            Row(f"{COUPLING} / limit, at most", "x", parts[COUPLING], LIMIT_MOST, at_most=True),
        ),
        ("Without the start of Ray; with the sync at the end.",),
    )


class Limited:
    """One data set, and devices that pass so much a second."""

    def __init__(self, bench: Bench, source: Path, size_bytes: int) -> None:
        self._bench = bench
        self._source = source
        whole = size_bytes / RUN_SECONDS
        self._limits = {"fast": int(FAST * whole), "slow": int(SLOW * whole)}
        self._whole = int(whole)

    def backup_seconds(self) -> float:
        return self._run(self._group(self._limits), self._bench.yard.fresh("catalog.sqlite"))

    def striped(self) -> Path:
        """The catalog of a backup that a group has divided."""
        return self._kept(self._group(self._limits))

    def equal(self) -> Path:
        """The catalog of a backup with a mirror."""
        builder = self._builder()
        fast, slow = (builder.device(n, path=self._bench.yard.fresh(n)) for n in self._limits)
        builder.backup_group("primary", devices=[fast]).mirror("second", devices=[slow])
        return self._kept(make_plan(document_of(builder.spec())))

    def coupling_seconds(self) -> float:
        builder = self._builder()
        names = [builder.device(name, kind="null") for name in ("first", "second")]
        group = builder.backup_group("primary", devices=names[:1])
        group.mirror("mirror", devices=names[1:], rate_limit=self._whole)
        plan = make_plan(document_of(builder.spec()))
        return self._run(plan, self._bench.yard.fresh("catalog.sqlite"))

    def restore_seconds(self, catalog_path: Path) -> float:
        """Raises RuntimeError if not everything came back."""
        target = self._bench.yard.fresh("restored")
        monitor = SilentMonitor()
        with open_catalog(catalog_path) as catalog:
            version = catalog.resolve("latest")
            started = time.perf_counter()
            with copy_reader(catalog, monitor, KnownMedia(catalog, self._limited)) as frames:
                entries = catalog.entries(version)
                restore_tree(entries, frames, bytes(target), monitor=monitor, foresight=frames)
            seconds = time.perf_counter() - started
        if size_of(target) != size_of(self._source):
            raise RuntimeError(f"restored {size_of(target)}, expected {size_of(self._source)}")
        return seconds

    def _limited(self, target: DeviceTarget) -> Device:
        return RateLimitedDevice(open_device(target), self._limits[target.name])

    def _builder(self) -> GraphBuilder:
        builder = GraphBuilder("bench", frame_size=FRAME_BYTES, sync_size=4 * FRAME_BYTES)
        builder.client("here").object("source", path=self._source)
        return builder

    def _group(self, limits: Mapping[str, int]) -> Plan:
        builder = self._builder()
        devices = [
            builder.device(name, path=self._bench.yard.fresh(name), rate_limit=limit)
            for name, limit in limits.items()
        ]
        builder.backup_group("primary", devices=devices)
        return make_plan(document_of(builder.spec()))

    def _kept(self, plan: Plan) -> Path:
        catalog = self._bench.yard.fresh("catalog.sqlite")
        self._run(plan, catalog)
        return catalog

    def _run(self, plan: Plan, catalog: Path) -> float:
        settings = RunSettings(catalog=catalog, init=True, create=True)
        report = run_backup(plan, settings, SilentMonitor())
        if report.outcome is not Outcome.SUCCESS:
            raise RuntimeError(f"the session ended {report.outcome}: {report.problems}")
        return report.duration_seconds - report.start_seconds
