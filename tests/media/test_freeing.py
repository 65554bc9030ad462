"""Freeing a segment: what is left of it, who understands that, and every way to be stopped."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from flowbackup.errors import DamageError, DeviceError, DeviceLockedError
from flowbackup.media import layout
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.freeing import NOTE_NAME, SegmentFreer
from flowbackup.media.labels.label import Label, read_label
from flowbackup.media.layout import RecordKind
from flowbackup.media.segments.freed import freed_among, read_freed
from flowbackup.media.segments.reader import MediumReader, read_index
from flowbackup.model.device import DeviceTarget
from flowbackup.model.freed import FreedSegment
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.actors.restore_agent import RestoreAgent
from flowbackup.testing.crash_disk import CrashDisk, Stopped
from flowbackup.testing.crash_image import FileImage, Loss, crash_image
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from tests import judge
from tests.local_backup import LocalBackup
from tests.media.media_samples import make_device, three_segments, write_groups

SESSION = bytes(range(16))
OTHERS = (bytes([1]) * 16, bytes([2]) * 16)
FREED_NS = 1_700_000_000_000_000_000


@pytest.fixture
def place(memory_path: Path) -> Path:
    """A medium of three sealed segments with four frames of noise each."""
    return three_segments(memory_path / "medium")


def freer_of(place: Path, calls: SystemCalls = SYSTEM) -> SegmentFreer:
    return SegmentFreer(DeviceTarget("nas", "directory", str(place), 512), calls)


def free(place: Path, segment: int, calls: SystemCalls = SYSTEM) -> FreedSegment:
    freer = freer_of(place, calls)
    freer.lock("test")
    try:
        return freer.free(freer.sealed(segment, 1), SESSION, FREED_NS, OTHERS)
    finally:
        freer.close()


def reader_of(place: Path) -> MediumReader:
    return make_device(place).reader()


def content(place: Path) -> dict[str, bytes]:
    """The files of a medium but for its lock."""
    files = (path for path in sorted(place.rglob("*")) if path.is_file())
    return {str(p.relative_to(place)): p.read_bytes() for p in files if p.suffix != ".lock"}


def segments_with_frames(place: Path) -> set[int]:
    return {stored.place.segment for stored in reader_of(place).frames()}


def sound(place: Path) -> bool:
    report = verify_medium(make_device(place), SilentMonitor())
    return not (report.damages or report.unknown_files)


def test_a_freed_segment_says_what_it_was(place: Path) -> None:
    before = content(place)
    name = "segments/00000002-0001.seg"
    with reader_of(place).segment(2, 1) as source:
        rows, _, _ = read_index(source)
    freed = free(place, 2)
    size = len(before[name])
    assert freed == FreedSegment(2, 1, SESSION, FREED_NS, 4, size, OTHERS)
    after = content(place)
    assert {n for n in before if after[n] != before[n]} == {name} and after.keys() == before.keys()
    with reader_of(place).segment(2, 1) as source:
        note = read_freed(source)
    assert note == (freed, rows)
    assert list(freed_among(reader_of(place), [(1, 1), (2, 1), (9, 1)])) == [freed]
    assert segments_with_frames(place) == {1, 3} and sound(place)


def test_its_number_is_not_given_again(place: Path) -> None:
    free(place, 3)
    (durable,) = write_groups(make_device(place), [[300]])
    assert [stored.place.segment for stored in durable] == [4]


def test_the_room_comes_back(place: Path) -> None:
    (durable,) = write_groups(make_device(place), [[3_000_000]])
    segment = durable[0].place.segment
    path = place / "segments" / f"{segment:08d}-0001.seg"
    freed = free(place, segment)
    assert freed.size_bytes > 3_000_000 and path.stat().st_size <= 8 * 512
    assert not os.access(path, os.W_OK) or os.geteuid() == 0
    assert path.stat().st_mode & 0o777 == 0o444


def test_it_is_durable_when_it_is_told(place: Path, memory_path: Path) -> None:
    """A name lasts when both its folders were synced: some file systems ask for one, some for the
    other."""
    work = memory_path / "work"
    shutil.copytree(place, work)
    disk = CrashDisk()
    freed = free(work, 2, disk)
    shutil.rmtree(work)
    shutil.copytree(place, work)
    put(crash_image(disk.notes, Loss.ALL, Random(1)))
    assert list(freed_among(reader_of(work), [(2, 1)])) == [freed]
    synced = [note.name for note in disk.notes if note.verb == "sync_directory"]
    assert synced == [str(work / "segments"), str(work)]


def test_only_a_sealed_segment_is_freed_and_only_with_the_lock(place: Path) -> None:
    write_groups(make_device(place), [[400]], seal=False)
    freer = freer_of(place)
    assert freer.sealed(4, 1) is None
    with pytest.raises(DamageError, match="gone"):
        freer.sealed(5, 1)
    sealed = freer.sealed(1, 1)
    before = content(place)
    with pytest.raises(DamageError, match="without its lock"):
        freer.free(sealed, SESSION, FREED_NS, ())
    device = make_device(place)
    device.lock("a backup")
    with pytest.raises(DeviceLockedError, match="a backup"):
        freer.lock("free")
    device.close()
    assert content(place) == before
    assert (1, 1) in freer.sizes() and (4, 1) not in freer.sizes()


def test_nothing_is_freed_on_another_medium_than_was_looked_at(
    place: Path, memory_path: Path
) -> None:
    freer = freer_of(place)
    freer.lock("test")
    sealed = freer.sealed(1, 1)
    place.rename(memory_path / "away")
    write_groups(make_device(place), [[400]])
    before = content(place)
    with pytest.raises(DeviceError, match="expected medium"):
        freer.free(sealed, SESSION, FREED_NS, ())
    assert content(place) == before


@pytest.mark.parametrize("offset", [4, 8, 17, 40])
def test_a_damaged_note_is_a_damage(place: Path, offset: int) -> None:
    """Its own digest covers it: no number in it is believed that is not as it was written."""
    free(place, 2)
    path = place / "segments/00000002-0001.seg"
    data = bytearray(path.read_bytes())
    payload = data.index(OTHERS[0]) - 16
    data[payload + offset] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    with reader_of(place).segment(2, 1) as source:
        with pytest.raises(DamageError, match="does not match its digest"):
            read_freed(source)
    assert list(freed_among(reader_of(place), [(2, 1)])) == []
    assert not sound(place)


# Stopped anywhere


def calls_of_a_freeing(place: Path) -> int:
    disk = CrashDisk()
    work = place.with_name("counted")
    shutil.copytree(place, work)
    free(work, 2, disk)
    return len(disk.notes)


def crashed(place: Path) -> Iterator[tuple[int, Path]]:
    """The medium as it may be found after each call was the last: the call, and the place."""
    for stop_at in range(1, calls_of_a_freeing(place) + 1):
        for number, loss in enumerate([*Loss, *[Loss.SOME] * 3]):
            work = place.with_name(f"stopped-{stop_at}-{number}")
            shutil.copytree(place, work)
            disk = CrashDisk(stop_at=stop_at)
            with pytest.raises(Stopped):
                free(work, 2, disk)
            assert disk.not_made is not None
            shutil.rmtree(work)
            for notes in (disk.notes, [*disk.notes, disk.not_made]):
                shutil.copytree(place, work)
                put(crash_image(notes, loss, Random(number)))
                yield stop_at, work
                shutil.rmtree(work)


def put(image: Mapping[str, FileImage]) -> None:
    """Files at their own paths, over what was there."""
    for path, file in image.items():
        Path(path).unlink(missing_ok=True)
        Path(path).write_bytes(file.content)
        Path(path).chmod(file.mode)


def test_stopped_at_any_call_it_is_there_or_freed_and_the_next_one_goes_on(place: Path) -> None:
    before = content(place)
    name = "segments/00000002-0001.seg"
    found = set()
    for stop_at, work in crashed(place):
        after = content(work)
        after.pop(NOTE_NAME, None)
        freed = list(freed_among(reader_of(work), [(2, 1)]))
        is_whole = after == before
        assert is_whole != bool(freed), stop_at
        assert {n for n in before if after.get(n) != before[n]} <= {name}, stop_at
        assert sound(work) and segments_with_frames(work) == ({1, 2, 3} if is_whole else {1, 3})
        found.add(is_whole)
        # No repair by hand: the next command frees it, or another one.
        again = 2 if is_whole else 1
        assert free(work, again).segment == again
        assert not (work / NOTE_NAME).exists() and sound(work)
    assert found == {True, False}


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("late", [False, True])
def test_whatever_call_fails_is_told(place: Path, error: int, late: bool) -> None:
    before = content(place)
    work = place.with_name("failing")
    counted = FaultySystemCalls()
    shutil.copytree(place, work)
    free(work, 2, counted)
    states = set()
    for nth in range(1, len(counted.made) + 1):
        shutil.rmtree(work)
        shutil.copytree(place, work)
        with pytest.raises(DeviceError, match='device "nas": freeing segment 2 failed') as caught:
            free(work, 2, FaultySystemCalls(Fault(nth, error, late=late, for_ever=True)))
        assert caught.value.errno == error
        freed = list(freed_among(reader_of(work), [(2, 1)]))
        after = content(work)
        after.pop(NOTE_NAME, None)
        assert (after == before) != bool(freed) and sound(work)
        states.add(bool(freed))
    assert states == {False, True}


def test_a_device_without_room_for_the_note_is_left_as_it_was(place: Path) -> None:
    before = content(place)
    with pytest.raises(DeviceError, match="ENOSPC"):
        free(place, 2, FaultySystemCalls(Fault(1, errno.ENOSPC, "pwritev")))
    assert content(place) == before


def test_a_short_write_is_gone_on_with(place: Path) -> None:
    class Short(SystemCalls):
        def pwritev(self, fd: int, buffers: object, offset: int) -> int:
            (buffer,) = buffers  # type: ignore[attr-defined]
            return super().pwritev(fd, [bytes(buffer)[:100]], offset)

    free(place, 2, Short())
    assert sound(place) and len(list(freed_among(reader_of(place), [(2, 1)]))) == 1


# Who may


def test_no_device_and_nothing_that_it_gives_has_a_verb_to_free(place: Path) -> None:
    device = make_device(place)
    device.lock("test")
    given = (device, device.writer(SESSION, 2), device.reader(), MediaAgent, RestoreAgent, Reader)
    verbs = {name for thing in given for name in dir(thing) if not name.startswith("_")}
    device.close()
    forbidden = ("free", "delet", "remov", "unlink", "prun", "overwrit", "truncat", "eras", "purg")
    assert {"append", "commit", "finish", "writer", "read", "write"} <= verbs
    assert [verb for verb in verbs if any(word in verb for word in forbidden)] == []


def test_writing_touches_no_sealed_segment(place: Path) -> None:
    """Whatever calls a session makes: those that change names or contents are for its own files."""
    sealed = {str(path) for path in (place / "segments").glob("*.seg")}
    disk = CrashDisk()
    write_groups(make_device(place, segment_bytes=6000, calls=disk), [[700, 5000], [600], [3000]])
    written = {"create", "open", "pwritev", "truncate", "chmod", "rename", "unlink"}
    touched = {path for note in disk.notes if note.verb in written for path in note[2:4]}
    assert len([path for path in touched if path.endswith(".seg")]) > 1
    assert not touched & sealed


# Who reads it


@pytest.fixture
def backed_up(tmp_path: Path) -> LocalBackup:
    """Two versions on `fast`, whose segments are small, and on `slow`."""
    source = tmp_path / "site"
    source.mkdir()
    (source / "large").write_bytes(Random(1).randbytes(1_500_000))
    local = LocalBackup(tmp_path, "fast", "slow")
    local.run(source, "fast", "slow")
    (source / "large").write_bytes(Random(2).randbytes(1_500_000))
    local.run(source, "fast", "slow")
    return local


def free_all(place: Path, segments: Sequence[int]) -> None:
    freer = SegmentFreer(DeviceTarget("fast", "directory", str(place)))
    freer.lock("test")
    for segment in segments:
        freer.free(freer.sealed(segment, 0), SESSION, FREED_NS, OTHERS)
    freer.close()


def numbers(place: Path) -> list[int]:
    return [file.segment for file in MediumReader(str(place), make_label(place)).segment_files()]


def make_label(place: Path) -> Label:
    return read_label(str(place)).label


def test_readers_that_do_not_know_the_record_find_nothing_wrong(
    backed_up: LocalBackup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As both were before segments could be freed."""
    place = backed_up.place("fast")
    free_all(place, numbers(place)[:-1])
    old = tmp_path / "recover.py"
    text = judge.RECOVER.read_text()
    assert "19, 128\n" in text
    old.write_text(text.replace("19, 128\n", "19, 129\n"))
    monkeypatch.setattr(layout, "KNOWN_KINDS", layout.KNOWN_KINDS - {RecordKind.FREED})
    assert sound(place)
    done = subprocess.run(
        [sys.executable, "-I", str(old), "check", str(place), str(backed_up.place("slow"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "check: good\n"), done.stderr
    assert "were freed: see []" in done.stderr


def test_recover_restores_before_between_and_after(backed_up: LocalBackup, tmp_path: Path) -> None:
    fast, slow = backed_up.place("fast"), backed_up.place("slow")
    expected = Random(2).randbytes(1_500_000)

    def restored(*media: Path) -> judge.Recovery:
        target = tmp_path / "back"
        shutil.rmtree(target, ignore_errors=True)
        recovery = judge.recovered(media, target)
        if recovery.exit_code == 0:
            assert (target / "large").read_bytes() == expected
        return recovery

    assert restored(fast).exit_code == 0
    *most, last = numbers(fast)
    free_all(fast, most)
    assert restored(fast, slow).exit_code == 0 and restored(slow, fast).exit_code == 0
    alone = restored(fast)
    assert alone.exit_code == 1
    (note,) = alone.notes
    assert "were freed: see ['01010101-0101-0101-0101-010101010101', '02020202-" in note
    assert any("no medium has frame" in problem for problem in alone.problems)
    free_all(fast, [last])
    assert restored(slow).exit_code == 0
    assert judge.check_media([fast, slow]).problems == ()
