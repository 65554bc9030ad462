"""What copies are for: objects laid together again, one read for many, copies of copies."""

from __future__ import annotations

import os
from collections import Counter
from itertools import groupby
from pathlib import Path
from shutil import rmtree

import pytest

from flowbackup import api
from flowbackup.media.port import FrameReader
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import NO_ID
from flowbackup.model.report import Outcome
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.actors.spread_sink import SpreadSink
from flowbackup.runtime.crew import crew
from flowbackup.runtime.edges.slab import Slab
from flowbackup.runtime.edges.wiring import ReadTask
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests import judge
from tests.runtime.copying import HEAD, QUIET, Copying
from tests.runtime.gates import gated_agent

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")


@pytest.fixture
def copying(tmp_path: Path, engine: str) -> Copying:
    return Copying(tmp_path, engine)


def tree(place: Path, files: int = 6) -> Path:
    place.mkdir()
    for number in range(files):
        (place / f"file{number}").write_bytes(os.urandom(2 * MIB + number))
    return place


def pieces(frames: list[tuple[FrameHeader, FramePlace]]) -> list[bytes]:
    """The objects in the order in which they lie: one for each run of frames without another's
    between them, wherever segments end."""
    lying = sorted(frames, key=lambda item: (item[1].segment, item[1].epoch, item[1].offset))
    ids = [header.object_id for header, _ in lying if header.object_id != NO_ID]
    return [object_id for object_id, _ in groupby(ids)]


MERGED = """
backup_groups: {primary: {devices: [disk1, disk2]}}
restore_groups: {readers: {devices: [disk1, disk2]}}
copy_groups: {vault: {copies: readers, devices: [tape], assign: object, after: command,
  select: {versions: all}}}
"""


class AllSend(SilentMonitor):
    """Opens a gate when every client has sent something over every one of its edges."""

    def __init__(self, gate: Path) -> None:
        self._gate = gate

    def progress(self, progress: Progress) -> None:
        if progress.edges and all(edge.bytes_moved for edge in progress.edges):
            self._gate.touch()


def test_objects_that_were_written_at_once_are_separated_again(
    copying: Copying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 31: three clients at once over two devices, then each object in one piece on one."""
    sources = {name: tree(tmp_path / name) for name in ("one", "two", "three")}
    clients = ", ".join(f"{n}: {{objects: {{{n}: {{path: {p}}}}}}}" for n, p in sources.items())
    devices = ", ".join(f"{n}: {{path: {tmp_path}/{n}}}" for n in ("disk1", "disk2", "tape"))
    file = tmp_path / "merged.yaml"
    head = HEAD.format(name="merged")
    file.write_text(f"{head}clients: {{{clients}}}\ndevices: {{{devices}}}\n{MERGED}")
    plan = api.load_plan(file)
    gate = tmp_path / "gate"
    # However late one of them begins: nothing is written before all of them wait for the devices.
    monkeypatch.setattr(crew, "MediaAgent", gated_agent(gate, 0, "disk1", "disk2"))
    copying.run(plan, AllSend(gate))
    for disk in ("disk1", "disk2"):
        # Otherwise there would be nothing to separate.
        assert len(pieces(copying.frames(disk))) > len(sources)
    report = copying.copy(plan)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert all(device.frames for device in report.devices if device.role == "restore")
    found = pieces(copying.frames("tape"))
    assert len(found) == len(set(found)) == len(sources)
    rmtree(copying.place("disk1"))
    copying.hide("disk2")
    for name, source in sources.items():
        target = tmp_path / f"back-{name}"
        request = api.RestoreRequest(catalog=copying.catalog)
        assert api.restore(name, str(target), request, QUIET).outcome is Outcome.SUCCESS
        assert list(differences(str(source), str(target))) == []


THREE = """
backup_groups: {primary: {devices: [nas]}}
restore_groups: {readers: {devices: [nas]}}
copy_groups:
  a: {copies: readers, devices: [disk1]}
  b: {copies: readers, devices: [disk2]}
  c: {copies: readers, devices: [disk3]}
"""


@pytest.mark.slow
def test_three_copies_cost_one_read_of_the_device(
    copying: Copying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 9, counted where the device is asked."""
    log = tmp_path / "reads"

    class Counting(Reader):
        def _read(self, task: ReadTask, sink: SpreadSink, reader: FrameReader, slab: Slab) -> None:
            class Logged:
                def read(self, header: FrameHeader | None, place: FramePlace) -> object:
                    with log.open("a") as out:
                        out.write(f"{place.segment}-{place.epoch}:{place.offset}\n")
                    return reader.read(header, place)

            super()._read(task, sink, Logged(), slab)  # type: ignore[arg-type]

    monkeypatch.setattr(crew, "Reader", Counting)
    disks = dict.fromkeys(("disk1", "disk2", "disk3"), "")
    source = tree(tmp_path / "source")
    report = copying.run(copying.plan("g", THREE, source, nas="", **disks))
    (copies,) = report.stages
    assert (report.outcome, copies.outcome, copies.problems) == (*[Outcome.SUCCESS] * 2, ())
    read = Counter(log.read_text().split())
    assert set(read) == {f"{p.segment}-{p.epoch}:{p.offset}" for _, p in copying.frames("nas")}
    assert set(read.values()) == {1}
    for disk in disks:
        assert copying.foreign(disk, copies) == copying.foreign("nas", copies)


CHAIN_OF_COPIES = """
backup_groups: {primary: {devices: [nas]}}
mirror_groups: {offsite: {mirrors: primary, devices: [usb]}}
restore_groups: {first: {devices: [nas]}, second: {devices: [vault]}}
copy_groups:
  to-vault: {copies: first, devices: [vault]}
  to-tape: {copies: second, devices: [tape]}
"""


def test_the_catalog_shows_where_each_copy_came_from(copying: Copying, tmp_path: Path) -> None:
    """Rows 19 and 40: backup, mirror, copy and a copy of the copy by one file and one command.  The
    devices have blocks of different sizes, too (row 28)."""
    source = tree(tmp_path / "source")
    blocks = {"nas": "64 KiB", "usb": "1 MiB", "vault": "4 KiB", "tape": "64 KiB"}
    devices = {name: f", block_size: {size}" for name, size in blocks.items()}
    report = copying.run(copying.plan("g", CHAIN_OF_COPIES, source, **devices))
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [(stage.outcome, stage.problems) for stage in report.stages] == [
        (Outcome.SUCCESS, ())
    ] * 2
    rows = {row.medium.device: row for row in api.copies("latest", None, copying.catalog)}  # type: ignore[union-attr]
    media = {row.medium.medium: name for name, row in rows.items()}
    assert all(row.complete for row in rows.values())
    assert {n: (row.role, [media[m] for m in row.copied_from]) for n, row in rows.items()} == {
        "nas": ("backup", []), "usb": ("mirror", []),
        "vault": ("copy", ["nas"]), "tape": ("copy", ["vault"]),
    }  # fmt: skip
    assert {name: row.medium.block_bytes >> 10 for name, row in rows.items()} == {
        "nas": 64, "usb": 1024, "vault": 4, "tape": 64,
    }  # fmt: skip
    for name in blocks:
        size_bytes = rows[name].medium.block_bytes
        assert all(place.offset % size_bytes == 0 for _, place in copying.frames(name))
        target = tmp_path / f"back-{name}"
        assert judge.recovered([copying.place(name)], target).problems == ()
        assert list(differences(str(source), str(target))) == []
