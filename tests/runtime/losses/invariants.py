"""What must hold behind every loss: the invariants A to F of the design, judged by `recover.py`.

A: what the report calls durable on so many devices comes back from so many media, from each alone,
   or from those together that a group has used for one copy.
B: whatever comes back from a medium is what was read, to the byte.
C: the next commands, here a repair and a look at every byte, open everything without help.
D: is kept by the test run, which ends what hangs, and shown by the times in the table.
E: the report names every device that lacks something, and the exit code says so.
F: the devices that the fault did not concern are complete: part of what each test expects.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from flowbackup import api
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.compare import differences
from tests import judge
from tests.runtime.losses.world import OBJECTS, World


def check_invariants(
    world: World, report: SessionReport, *, beyond_repair: Sequence[str] = ()
) -> None:
    """Behind a session.  beyond_repair: devices that cannot take what they lack: full ones."""
    _check_durable(world, report)
    _check_told(report)
    versions = {o.name for o in report.objects if o.version}
    if versions:
        _check_repaired(world, versions, report, beyond_repair)


def come_back(world: World, *devices: str) -> set[str]:
    """The objects that these media together give whole, equal to their source.  What else they
    give must be right, too."""
    target = world.folder / "judged"
    judge.recovered_here([world.medium(device) for device in devices], target, "all")
    try:
        for path in [p for p in target.rglob("*") if p.is_file()]:
            _check_file(world, path, path.relative_to(target / "web"))
        return {name for name in OBJECTS if _is_whole(world, target / "web" / name, name)}
    finally:
        shutil.rmtree(target, ignore_errors=True)


def check_bytes(world: World) -> None:
    """Of sessions without a report: what each medium gives is right."""
    for device in world.devices:
        come_back(world, device)


def _check_file(world: World, path: Path, name: Path) -> None:
    if str(name) not in world.touched:
        original = world.source(str(name.parent)) / name.name
        assert path.read_bytes() == original.read_bytes(), name


def _is_whole(world: World, target: Path, name: str) -> bool:
    if not target.is_dir():
        return False
    different = [f"{name}/{line}" for line in differences(str(world.source(name)), str(target))]
    return all(any(line.startswith(f"{t}:") for t in world.touched) for line in different)


def _check_durable(world: World, report: SessionReport) -> None:
    copies: dict[str, list[str]] = {}
    for device in report.devices:
        copies.setdefault(device.agent.partition(".")[0], []).append(device.name)
    given = [come_back(world, *devices) for devices in copies.values()]
    for item in report.objects:
        assert sum(item.name in names for names in given) >= item.copies_durable, (item, given)
        assert item.version or not item.copies_durable


def _check_told(report: SessionReport) -> None:
    named = {problem.device for problem in report.problems}
    for device in report.devices:
        assert device.state == "complete" or device.name in named, report.problems
    assert (report.exit_code == 0) == (report.outcome is Outcome.SUCCESS)
    assert report.problems, "a fault that nobody speaks of"


def _check_repaired(
    world: World, versions: set[str], report: SessionReport, beyond_repair: Sequence[str]
) -> None:  # fmt: skip
    """What a device lacks that was replaced is on the one that went on in its place."""
    world.bring_near()
    monitor = RecordingMonitor()
    repaired = api.repair((), api.RepairRequest(catalog=world.catalog), monitor)
    assert (repaired.exit_code == 0) == (not beyond_repair), (monitor.problems, repaired.problems)
    replaced = {device.name for device in report.devices if device.state == "replaced"}
    partial = replaced.union(beyond_repair)
    whole = [d.name for d in repaired.devices if d.name not in partial]
    assert whole, repaired.devices
    for device in whole:
        assert come_back(world, device) >= versions, device
    assert judge.check_here([world.medium(device) for device in whole]).problems == ()
