"""Checks of a medium that cannot be read as a whole: what is told, and what is left out."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.checks.inventory import inventory
from flowbackup.media.checks.survey import survey_medium
from flowbackup.media.checks.verify import _tell_damage
from flowbackup.media.checks.witness import copies_seen
from flowbackup.media.devices import directory
from flowbackup.media.labels.label import DOCUMENTS
from flowbackup.media.segments.scan import Damage
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.monitor import Problem, SilentMonitor
from tests.media.media_samples import make_device, only_segment, write_groups


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No byte of any segment can be read."""

    def fails(source: SegmentSource, offset: int, size_bytes: int) -> memoryview:
        raise DamageError(f"{source.path} cannot be read", device="nas", errno=errno.EIO)

    monkeypatch.setattr(SegmentSource, "read", fails)


@pytest.mark.usefixtures("unreadable")
def test_a_segment_that_cannot_be_read_is_in_the_inventory_without_frames(tmp_path: Path) -> None:
    write_groups(make_device(tmp_path), [[700]], seal=False)
    (found,) = inventory(str(tmp_path), "nas", known=())
    assert found.frames == () and found.size_bytes == only_segment(tmp_path).stat().st_size


@pytest.mark.usefixtures("unreadable")
def test_a_segment_that_cannot_be_read_shows_no_copy(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    (frames,) = write_groups(device, [[700, 100]])
    assert copies_seen(device.reader(), frames) == set()


def test_a_copy_whose_header_is_damaged_is_not_seen_and_the_others_are(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    (frames,) = write_groups(device, [[700, 100]])
    path = only_segment(tmp_path)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(frames[1].place.offset)
        file.write(b"\xff")
    assert copies_seen(device.reader(), frames) == {frames[0].place}


def test_a_folder_of_segments_that_cannot_be_listed_is_an_error_of_the_device(
    tmp_path: Path,
) -> None:
    write_groups(make_device(tmp_path), [[700]])
    (tmp_path / "segments").rename(tmp_path / "elsewhere")
    with pytest.raises(DeviceError, match=r"listing .*segments") as caught:
        survey_medium(str(tmp_path), "nas")
    assert (caught.value.device, caught.value.errno) == ("nas", errno.ENOENT)


def test_a_document_that_is_gone_is_a_damage_of_the_medium(tmp_path: Path) -> None:
    write_groups(make_device(tmp_path), [[700]])
    gone, *others = sorted(DOCUMENTS)
    (tmp_path / gone).unlink()
    (damage,) = survey_medium(str(tmp_path), "nas").damages
    assert damage.reason == f"{gone}: cannot be read: {os.strerror(errno.ENOENT)}"
    assert damage.file == str(tmp_path / gone) and others


@pytest.mark.parametrize(("torn", "kind"), [(True, "unfinished"), (False, "damaged")])
def test_what_was_never_finished_is_told_as_that(torn: bool, kind: str) -> None:
    told: list[Problem] = []

    class Told(SilentMonitor):
        def problem(self, problem: Problem) -> None:
            told.append(problem)

    damage = Damage(bytes(16), 1, 1, "/nas/segments/1", 512, 1024, "cut off", torn=torn)
    _tell_damage("nas", damage, Told())
    assert [(problem.kind, problem.device) for problem in told] == [(kind, "nas")]


def test_room_that_cannot_be_asked_for_is_an_error_of_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(tmp_path)

    def fails(label: object, location: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(directory, "room_on", fails)
    with pytest.raises(DeviceError, match="looking at") as caught:
        device.check_writable(1)
    assert (caught.value.device, caught.value.errno) == ("nas", errno.EIO)
