"""Reading a medium whose files are not what their names say, or not there."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media import regular
from flowbackup.media.checks.facts import MediumFacts, Mode
from flowbackup.media.checks.inventory import inventory
from flowbackup.media.checks.medium_verifier import MediumVerifier
from flowbackup.media.labels.label import read_label
from flowbackup.media.layout import RecordHeader
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments import reader as reader_module
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.scan import Damage
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_id
from tests.media.media_samples import SESSION, make_device, only_segment, write_groups

BLOCK = 512
GROUPS = [[700], [300, 512]]


def reader_of(place: Path) -> MediumReader:
    return MediumReader(str(place), read_label(str(place), "nas").label, device="nas")


def written(place: Path, *, seal: bool = True) -> list[StoredFrame]:
    return [
        frame for group in write_groups(make_device(place), GROUPS, seal=seal) for frame in group
    ]


def put_directory(place: Path, name: str = "00000009-0000.seg") -> Path:
    path = place / "segments" / name
    path.mkdir()
    return path


def test_a_directory_with_the_name_of_a_segment_is_told_by_whoever_meets_it(tmp_path: Path) -> None:
    frames = written(tmp_path)
    path = put_directory(tmp_path)
    reader = reader_of(tmp_path)
    assert list(reader.written_by(SESSION)) == frames
    *sound, damage = reader.scan()
    assert sound == frames
    assert isinstance(damage, Damage)
    assert (damage.segment, damage.epoch, damage.file) == (9, 0, str(path))
    with pytest.raises(DamageError, match=r"00000009-0000\.seg is damaged at 0: .*regular file"):
        list(reader.frames())


@pytest.mark.parametrize("mode", [Mode.FAST, Mode.SLOW])
def test_facts_tell_what_cannot_be_opened_and_go_on(tmp_path: Path, mode: Mode) -> None:
    frames = written(tmp_path)
    put_directory(tmp_path, "00000000-0000.seg")
    told: list[Damage] = []
    facts = MediumFacts(reader_of(tmp_path), mode, told.append)
    found = [frame for segment in facts.segments() for frame in segment]
    assert [StoredFrame(frame.header, frame.place) for frame in found] == frames
    (damage,) = told
    assert (damage.segment, damage.epoch) == (0, 0)
    assert "regular file" in damage.reason


def test_facts_tell_a_device_that_gives_up_and_keep_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = written(tmp_path)
    plain = SegmentSource.read

    def failing(self: SegmentSource, offset: int, size_bytes: int) -> memoryview:
        if offset > frames[0].place.offset:
            raise DeviceError("the cable was pulled", device="nas")
        return plain(self, offset, size_bytes)

    monkeypatch.setattr(SegmentSource, "read", failing)
    told: list[Damage] = []
    facts = MediumFacts(reader_of(tmp_path), Mode.SLOW, told.append)
    list(facts.segments())
    (damage,) = told
    assert "not read to its end: the cable was pulled" in damage.reason
    assert facts.statistics().segments == 1


def test_a_medium_without_its_folder_is_no_empty_medium(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "segments").rename(tmp_path / "elsewhere")
    with pytest.raises(DeviceError, match=r"listing .*segments.*No such file") as told:
        reader_of(tmp_path).segment_files()
    assert (told.value.device, told.value.errno) == ("nas", errno.ENOENT)


def test_a_segment_is_found_under_whichever_of_its_names_it_has_now(tmp_path: Path) -> None:
    written(tmp_path, seal=False)
    part = only_segment(tmp_path)
    reader = reader_of(tmp_path)
    for asked in (True, False):
        with reader.segment(1, 1, sealed=asked) as source:
            assert (source.sealed, source.path) == (False, str(part))
    sealed = part.with_suffix(".seg")
    part.rename(sealed)
    for asked in (True, False):
        with reader.segment(1, 1, sealed=asked) as source:
            assert (source.sealed, source.path) == (True, str(sealed))
    sealed.unlink()
    with pytest.raises(DeviceError) as told:
        reader.segment(1, 1)
    assert isinstance(told.value.__cause__, FileNotFoundError)


def test_a_device_that_fails_is_no_missing_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is it damage of the medium: a verification says so and stops."""
    written(tmp_path)
    verifier = MediumVerifier(make_device(tmp_path))
    stretches = verifier.survey().stretches
    tried: list[str] = []
    plain = os.open

    def failing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if str(path).endswith((".seg", ".part")):
            tried.append(str(path))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return plain(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(regular.os, "open", failing)
    with pytest.raises(DeviceError, match="Input/output error"):
        reader_of(tmp_path).segment(1, 1)
    assert len(tried) == 1, "another name was tried on a device that fails"
    with pytest.raises(DeviceError, match="Input/output error"):
        list(verifier.read(stretches))


@pytest.mark.parametrize("offset", [-BLOCK, 7, 1 << 40])
def test_a_place_outside_of_the_segment_is_refused(tmp_path: Path, offset: int) -> None:
    (first, *_) = written(tmp_path)
    place = replace(first.place, offset=offset)
    with pytest.raises(DamageError, match="outside of the segment or not at a block border"):
        reader_of(tmp_path).read(None, place)


def test_a_frame_of_another_medium_is_refused(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path)
    place = replace(first.place, medium=sample_id(99))
    with pytest.raises(DamageError, match="lies on another medium than the one that is there"):
        reader_of(tmp_path).read(first.header, place)


def test_what_a_session_left_is_synced_before_it_is_believed(tmp_path: Path) -> None:
    """Who wrote it may have been killed between the commit record and its sync."""
    frames = written(tmp_path, seal=False)
    calls = FaultySystemCalls()
    label = read_label(str(tmp_path), "nas").label
    reader = MediumReader(str(tmp_path), label, device="nas", calls=calls)
    assert list(reader.written_by(SESSION)) == frames
    assert calls.made == ["open", "fsync", "close"]
    assert list(reader.written_by(sample_id(99))) == [] and len(calls.made) == 3
    calls.fault = Fault(1, errno.EIO, "fsync")
    with pytest.raises(DeviceError, match=r'"nas": syncing .*\.part failed: .*EIO'):
        list(reader.written_by(SESSION))


def test_a_segment_that_does_not_say_whose_it_is_is_nobodys(tmp_path: Path) -> None:
    """What a session left is asked for after a crash, when anything may be damaged."""
    written(tmp_path)
    path = only_segment(tmp_path)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(bytes(BLOCK))
    frames = written_again(tmp_path)
    assert list(reader_of(tmp_path).written_by(SESSION)) == frames


def test_a_segment_of_a_newer_format_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    frames = written_again(tmp_path)
    read = reader_module.read_header

    def newer(source: SegmentSource, offset: int) -> RecordHeader:
        if source.name.segment == 1:
            raise FormatError("it is of format version 2")
        return read(source, offset)

    monkeypatch.setattr(reader_module, "read_header", newer)
    assert list(reader_of(tmp_path).written_by(SESSION)) == frames


def written_again(place: Path) -> list[StoredFrame]:
    return [frame for group in write_groups(make_device(place), [[100]]) for frame in group]


def test_the_inventory_reads_what_nobody_has_heard_of(tmp_path: Path) -> None:
    first = written(tmp_path)
    second = [f for g in write_groups(make_device(tmp_path), [[50], [60]], seal=False) for f in g]
    names = [(f.segment, f.epoch) for f in reader_of(tmp_path).segment_files()]
    put_directory(tmp_path)
    everything = list(inventory(str(tmp_path), "nas", set()))
    assert [(each.segment, each.epoch) for each in everything] == names
    assert [frame for each in everything for frame in each.frames] == first + second
    # Of a sealed one that was known everything is known, of one that was not sealed its end is not.
    known = list(inventory(str(tmp_path), "nas", set(names)))
    assert [each.frames for each in known] == [(), tuple(second)]
    assert [each.size_bytes for each in known] == [each.size_bytes for each in everything]


def test_the_inventory_takes_no_frames_from_a_damaged_index(tmp_path: Path) -> None:
    written(tmp_path)
    path = only_segment(tmp_path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-BLOCK])
    (found,) = inventory(str(tmp_path), "nas", set())
    assert found.frames == ()
    with pytest.raises(DamageError, match=path.name):
        list(reader_of(tmp_path).frames())


def test_what_is_sealed_is_not_synced_again(tmp_path: Path) -> None:
    frames = written(tmp_path)
    label = read_label(str(tmp_path), "nas").label
    calls = FaultySystemCalls(Fault(1, errno.EIO, "fsync"))
    reader = MediumReader(str(tmp_path), label, device="nas", calls=calls)
    assert list(reader.written_by(SESSION)) == frames


def test_segments_that_go_before_sizes_are_looked_at_are_told(tmp_path: Path) -> None:
    written(tmp_path)
    path = only_segment(tmp_path)
    reader = reader_of(tmp_path)
    assert reader.sealed_sizes() == {(1, 1): path.stat().st_size}
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(DeviceError, match="listing") as caught:
        reader.sealed_sizes()
    assert caught.value.errno == errno.ENOENT


def test_what_is_no_file_leaves_no_descriptor_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was one when it was looked at, and is none when it is open."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(regular.os, "lstat", lambda path, **_: os.stat(tmp_path / "file"))
    os.mkdir(tmp_path / "folder")
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(regular.NotRegularError):
        regular.open_regular(str(tmp_path / "folder"))
    assert set(os.listdir("/proc/self/fd")) == before
