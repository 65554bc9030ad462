"""Devices that differ, live: media of limited size, and blocks of different sizes in one chain."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from flowbackup import api
from flowbackup.media.labels.label import read_label
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.sets.media_set import find_set
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.testing.compare import differences
from flowbackup.units import KIB, MIB
from tests import judge
from tests.runtime.copying import QUIET, Copying

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")

MEDIA_MIB = 10
OBJECT_MIB = 35
CHAIN = """
backup_groups: {primary: {devices: [vault]}}
mirror_groups: {offsite: {mirrors: primary, devices: [usb], on_failure: optional}}
"""


@pytest.fixture
def copying(engine: str, memory_path: Path) -> Copying:
    return Copying(memory_path, engine)


@pytest.fixture
def tree(memory_path: Path) -> Path:
    place = memory_path / "tree"
    place.mkdir()
    for number in range(OBJECT_MIB):
        (place / f"file{number:02d}").write_bytes(Random(number).randbytes(MIB))
    return place


def restore(copying: Copying, tree: Path, name: str) -> SessionReport:
    """Into a new directory; where it succeeds it is equal to the source."""
    target = copying.folder / name
    request = api.RestoreRequest(catalog=copying.catalog)
    report = api.restore("latest", str(target), request, QUIET)
    if report.outcome is Outcome.SUCCESS:
        assert list(differences(str(tree), str(target))) == []
    shutil.rmtree(target, ignore_errors=True)
    return report


def media_of(copying: Copying, device: str) -> list[Path]:
    found = find_set(str(copying.place(device)), device)
    return [Path(member.location) for member in found.members]


def test_an_object_of_35_mib_lies_on_media_of_10(copying: Copying, tree: Path) -> None:
    plan = copying.plan("g", CHAIN, tree, vault=f", media_size: {MEDIA_MIB} MiB", usb="")
    report = copying.run(plan)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    media = media_of(copying, "vault")
    assert len(media) == 4
    assert all(9 * MIB < medium_bytes(str(place)) <= MEDIA_MIB * MIB for place in media[:3])
    assert sorted(h for h, _ in copying.frames("vault") if h.kind != 3) == sorted(
        h for h, _ in copying.frames("usb") if h.kind != 3
    )
    copying.hide("usb")
    assert restore(copying, tree, "a").outcome is Outcome.SUCCESS
    target = copying.folder / "judged"
    assert judge.recovered(media, target).problems == ()
    assert list(differences(str(tree), str(target))) == []


def test_devices_with_blocks_of_64_kib_and_of_1_mib_in_one_chain(
    copying: Copying, tree: Path
) -> None:
    sizes = {"vault": 64 * KIB, "usb": MIB}
    plan = copying.plan("g", CHAIN, tree, vault=", block_size: 64 KiB", usb=", block_size: 1 MiB")
    report = copying.run(plan)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    frames = {}
    for device, size in sizes.items():
        place = copying.place(device)
        assert read_label(str(place)).label.block_bytes == size
        assert all(path.stat().st_size % size == 0 for path in (place / "segments").iterdir())
        frames[device] = {header: where.offset for header, where in copying.frames(device)}
        assert all(offset % size == 0 for offset in frames[device].values())
        target = copying.folder / f"judged-{device}"
        assert judge.recovered([place], target).problems == ()
        assert list(differences(str(tree), str(target))) == []
    # The same frames, each put where the blocks of its device want it.
    assert frames["vault"].keys() == frames["usb"].keys() and len(frames["usb"]) > OBJECT_MIB
    assert frames["vault"] != frames["usb"]


@pytest.mark.slow
def test_a_set_is_copied_to_another_one_and_read_without_what_it_lost(
    copying: Copying, tree: Path
) -> None:
    """The copy goes on with what is there, says what is not, and is completed by a mirror."""
    body = (
        CHAIN
        + """
restore_groups: {readers: {devices: [vault]}}
copy_groups: {twin: {copies: readers, devices: [tape], after: command, select: {versions: all}}}
"""
    )
    media = f", media_size: {MEDIA_MIB} MiB"
    plan = copying.plan("g", body, tree, vault=media, usb="", tape=", media_size: 14 MiB")
    copying.run(plan)
    lost = media_of(copying, "vault")[1]
    shutil.rmtree(lost)
    report = copying.copy(plan)
    assert report.outcome is Outcome.FAILED
    texts = [problem.text for problem in report.problems if problem.kind == "unreachable"]
    assert texts and all("medium 2 of its set" in text and "web/site@1" in text for text in texts)
    assert len(media_of(copying, "tape")) >= 2
    fixed = api.repair(["vault"], api.RepairRequest(catalog=copying.catalog), QUIET)
    assert fixed.outcome is Outcome.SUCCESS
    report = copying.copy(plan)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    target = copying.folder / "judged"
    assert judge.recovered([copying.place("tape")], target).problems == ()
    assert list(differences(str(tree), str(target))) == []
