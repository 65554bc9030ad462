"""Tapes in sessions: backup, verification, restore, rebuild, and `recover.py` on a dumped tape."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest

from flowbackup import api
from flowbackup.errors import DeviceError, GraphError, UsageError
from flowbackup.media.open import open_device
from flowbackup.media.places.tape.cartridge import CartridgeText
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.tape_place import TapePlace
from flowbackup.plan.decided import Plan
from flowbackup.testing.compare import differences
from flowbackup.units import KIB, MIB
from tests import judge
from tests.media.tape_samples import TEXTS_BYTES, protect, tape_folder
from tests.runtime.copying import QUIET

GRAPH = """
graph: nightly
frame_size: 256 KiB
sync_size: 512 KiB
clients: {{web: {{objects: {{site: {{path: {tree}}}}}}}}}
devices:
  lto: {{kind: tape, path: {drive}{changer}, block_size: 8 KiB}}
  usb: {{path: {usb}}}
backup_groups: {{primary: {{devices: [lto]}}}}
mirror_groups: {{second: {{mirrors: primary, devices: [usb]}}}}
"""
FILES, FILE_BYTES = 12, 200 * KIB
PIECES = CartridgeText(TEXTS_BYTES + MIB + MIB, MIB)
"""Takes 1 MiB before it warns."""


class Taping:
    """A folder with a tree, a catalog, a virtual tape or changer, and a disk."""

    def __init__(self, folder: Path, *, tapes: int = 0, text: CartridgeText = PIECES) -> None:
        self.folder = folder
        self.catalog = folder / "catalog.sqlite"
        self.tree = folder / "tree"
        self.tree.mkdir()
        for number in range(FILES):
            (self.tree / f"file{number:02d}").write_bytes(Random(number).randbytes(FILE_BYTES))
        changer = folder / "library"
        self.drive = changer / "drive" if tapes else folder / "drive"
        self.place = TapePlace(str(self.drive), str(changer) if tapes else "").location()
        api.make_virtual_tapes(self.place, tapes or 1, text.capacity_bytes, text.warning_bytes)
        graph = folder / "nightly.yaml"
        option = f", changer: {changer}" if tapes else ""
        graph.write_text(
            GRAPH.format(tree=self.tree, drive=self.drive, changer=option, usb=folder / "usb")
        )
        self.graph = graph

    def plan(self) -> Plan:
        return api.load_plan(self.graph)

    def run(self) -> SessionReport:
        settings = api.RunSettings(catalog=self.catalog, init=True, create=True, engine="local")
        return api.run_backup(self.plan(), settings, QUIET)

    def restored(self) -> SessionReport:
        """From what the catalog knows, into a new directory; equal to the source."""
        target = self.folder / "restored"
        request = api.RestoreRequest(catalog=self.catalog)
        report = api.restore("latest", str(target), request, QUIET)
        assert list(differences(str(self.tree), str(target))) == []
        return report

    def dumped(self) -> list[Path]:
        """Each tape as a directory."""
        script = files("flowbackup.media").joinpath("dump-tape.sh")
        found = []
        for tape in sorted(path.parent for path in self.folder.rglob("tape.json")):
            if (tape / "file-00000").exists():
                found.append(self.folder / f"dumped-{tape.name}")
                subprocess.run(
                    ["sh", str(script), str(tape), str(found[-1])], check=True, capture_output=True
                )
        return found


def test_a_tape_takes_a_backup_and_gives_it_back(memory_path: Path) -> None:
    taping = Taping(memory_path, text=CartridgeText())
    report = taping.run()
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    assert api.verify(("lto",), QUIET, taping.catalog).exit_code == 0
    (memory_path / "usb").rename(memory_path / "away")
    assert taping.restored().outcome is Outcome.SUCCESS
    (dumped,) = taping.dumped()
    assert judge.check_media([dumped]).problems == ()
    assert judge.recovered([dumped], memory_path / "judged").problems == ()
    assert list(differences(str(taping.tree), str(memory_path / "judged"))) == []
    # A second run adds what changed, behind what is there.
    (taping.tree / "file00").write_bytes(b"new")
    (memory_path / "away").rename(memory_path / "usb")
    assert taping.run().exit_code == 0
    segments = open_device(DeviceTarget("lto", "tape", taping.place)).reader()
    assert len({stored.place.segment for stored in segments.frames()}) == 2


def test_an_object_lies_on_several_tapes(memory_path: Path) -> None:
    taping = Taping(memory_path, tapes=5)
    report = taping.run()
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    media = [row.info for row in api.devices(taping.catalog) if row.info.device == "lto"]
    assert [info.membership and info.membership.number for info in media] == [1, 2, 3]
    assert api.verify(("lto",), QUIET, taping.catalog).exit_code == 0
    (memory_path / "usb").rename(memory_path / "away")
    assert taping.restored().outcome is Outcome.SUCCESS
    dumped = taping.dumped()
    assert len(dumped) == 3
    assert judge.recovered(dumped, memory_path / "judged").problems == ()
    assert list(differences(str(taping.tree), str(memory_path / "judged"))) == []


@pytest.mark.parametrize("tapes", [0, 5], ids=["a drive", "a changer"])
def test_the_catalog_is_rebuilt_from_tapes(memory_path: Path, tapes: int) -> None:
    taping = Taping(memory_path, tapes=tapes, text=PIECES if tapes else CartridgeText())
    taping.run()
    taping.catalog.rename(memory_path / "lost.sqlite")
    (memory_path / "usb").rename(memory_path / "away")
    report = api.rebuild([taping.place], QUIET, taping.catalog)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert [row.name for row in api.objects(taping.catalog)] == ["site"]
    assert taping.restored().outcome is Outcome.SUCCESS


def test_a_tape_that_was_full_in_the_middle_is_completed_on_another(memory_path: Path) -> None:
    taping = Taping(memory_path)
    report = taping.run()
    assert {d.name: d.state for d in report.devices}["usb"] == "complete"
    (problem,) = [p for p in report.problems if p.device == "lto"]
    assert f"the tape in {taping.drive} is full" in problem.text
    assert taping.restored().outcome is Outcome.SUCCESS


def test_a_protected_tape_is_refused_before_anything_is_read(memory_path: Path) -> None:
    taping = Taping(memory_path, text=CartridgeText())
    taping.run()
    protect(tape_folder(taping.drive))
    with pytest.raises(DeviceError, match="its tape is write-protected"):
        taping.run()


def test_what_a_tape_cannot_do_is_said(memory_path: Path) -> None:
    taping = Taping(memory_path, text=CartridgeText())
    taping.run()
    with pytest.raises(UsageError, match='device "lto" is a tape, and is freed as a whole'):
        api.prune(("lto",), api.PruneRequest(catalog=taping.catalog), QUIET)
    text = taping.graph.read_text().replace("block_size: 8 KiB", "staging: {copies: 1, keep: 1 d}")
    taping.graph.write_text(text)
    with pytest.raises(GraphError, match="frees nothing but a whole tape"):
        taping.plan()
