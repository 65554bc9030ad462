"""The disk that loses power: what lasts, what does not, and that it finds wrong writers."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.testing.crash_disk import CrashDisk, Note, Power, Stopped
from flowbackup.testing.crash_image import Loss, crash_image, put_image, torn
from tests.faults.crash_cases import CrashCases, End, Place

CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL


def contents(disk: CrashDisk, loss: Loss, seed: int = 0) -> dict[str, bytes]:
    image = crash_image(disk.notes, loss, Random(seed))
    return {os.path.basename(path): file.content for path, file in image.items()}


def some(disk: CrashDisk) -> list[dict[str, bytes]]:
    """The states of many power failures."""
    return [contents(disk, Loss.SOME, seed) for seed in range(300)]


def named(disk: CrashDisk, folder: Path, name: str = "a") -> int:
    """A new file whose name lasts."""
    fd = disk.open(str(folder / name), CREATE)
    disk.sync_directory(str(folder))
    return fd


def test_what_was_synced_lasts_and_nothing_else_must(tmp_path: Path) -> None:
    disk = CrashDisk()
    fd = named(disk, tmp_path)
    disk.pwritev(fd, [b"1" * 512, b"2" * 100], 0)
    assert contents(disk, Loss.ALL) == {"a": b""}
    assert contents(disk, Loss.NOTHING) == {"a": b"1" * 512 + b"2" * 100}
    disk.fdatasync(fd)
    disk.pwritev(fd, [b"3" * 1024], 512)
    assert contents(disk, Loss.ALL) == {"a": b"1" * 512 + b"2" * 100}
    disk.close(fd)


def test_any_sectors_and_any_length_may_last(tmp_path: Path) -> None:
    disk = CrashDisk()
    fd = named(disk, tmp_path)
    disk.pwritev(fd, [b"1" * 512], 0)
    disk.fdatasync(fd)
    disk.pwritev(fd, [b"2" * 1024], 0)
    disk.close(fd)
    old, new, none = b"1" * 512, b"2" * 512, bytes(512)
    assert {state["a"] for state in some(disk)} == {
        old, new, old + new, old + none, new + new, new + none,
    }  # fmt: skip


def test_a_file_that_was_cut_has_its_old_end_or_none(tmp_path: Path) -> None:
    disk = CrashDisk()
    fd = named(disk, tmp_path)
    disk.pwritev(fd, [b"1" * 1024], 0)
    disk.fdatasync(fd)
    disk.truncate(fd, 600)
    disk.pwritev(fd, [b"2" * 512], 1024)
    disk.close(fd)
    assert contents(disk, Loss.NOTHING) == {"a": b"1" * 600 + bytes(424) + b"2" * 512}
    assert contents(disk, Loss.ALL) == {"a": b"1" * 1024}
    cut, middle = b"1" * 600, b"1" * 600 + bytes(424)
    assert {state["a"] for state in some(disk)} == {
        b"1" * 1024, cut, middle + b"2" * 512, middle + bytes(512),
    }  # fmt: skip


def test_names_last_in_their_order_once_their_folder_is_synced(tmp_path: Path) -> None:
    disk = CrashDisk()
    fd = disk.open(str(tmp_path / "a"), CREATE)
    disk.pwritev(fd, [b"1"], 0)
    disk.fsync(fd)
    disk.close(fd)
    assert contents(disk, Loss.ALL) == {}
    disk.rename(str(tmp_path / "a"), str(tmp_path / "b"))
    assert {tuple(state) for state in some(disk)} == {(), ("a",), ("b",)}
    disk.sync_directory(str(tmp_path / "elsewhere"))
    assert contents(disk, Loss.ALL) == {}
    disk.sync_directory(str(tmp_path))
    assert contents(disk, Loss.ALL) == {"b": b"1"}
    disk.unlink(str(tmp_path / "b"))
    assert (contents(disk, Loss.ALL), contents(disk, Loss.NOTHING)) == ({"b": b"1"}, {})


def test_the_mode_lasts_from_fsync_on(tmp_path: Path) -> None:
    disk = CrashDisk()
    fd = named(disk, tmp_path)
    modes = []
    for act in (lambda: disk.chmod(fd, 0o444), lambda: disk.fdatasync(fd), lambda: disk.fsync(fd)):
        act()
        (file,) = crash_image(disk.notes, Loss.ALL, Random(0)).values()
        modes.append(file.mode)
    disk.close(fd)
    assert modes == [0o600, 0o600, 0o444]


def test_a_failed_sync_loses_what_it_should_have_kept_and_the_next_one_does_not_tell(
    tmp_path: Path,
) -> None:
    disk = CrashDisk(failing_sync=1)
    fd = named(disk, tmp_path)
    disk.pwritev(fd, [b"1" * 512], 0)
    with pytest.raises(OSError) as caught:
        disk.fdatasync(fd)
    assert caught.value.errno == errno.EIO
    disk.pwritev(fd, [b"2" * 512], 512)
    disk.fdatasync(fd)
    disk.close(fd)
    assert (tmp_path / "a").read_bytes() == b"1" * 512 + b"2" * 512
    assert contents(disk, Loss.ALL) == {"a": bytes(512) + b"2" * 512}


def test_a_torn_write_has_lasted_as_far_as_it_came(tmp_path: Path) -> None:
    disk = CrashDisk(stop_at=3)
    fd = named(disk, tmp_path)
    with pytest.raises(Stopped):
        disk.pwritev(fd, [b"1" * 1000], 0)
    assert disk.not_made is not None
    notes = [*disk.notes, torn(disk.not_made, 0.25, has_lasted=True)]
    (file,) = crash_image(notes, Loss.ALL, Random(0)).values()
    assert file.content == b"1" * 250


def test_disks_of_one_machine_stop_together_and_for_ever(tmp_path: Path) -> None:
    power = Power()
    one, other = CrashDisk(power, stop_at=3), CrashDisk(power)
    files = named(one, tmp_path, "one"), named(other, tmp_path, "other")
    with pytest.raises(Stopped):
        one.fsync(files[0])
    for disk, fd in zip((one, other), files, strict=True):
        for again in (disk.fdatasync, disk.close):
            with pytest.raises(Stopped):
                again(fd)
        assert len(disk.notes) == 2
    assert (one.not_made, other.not_made) == (Note("fsync", 1), None)


def test_a_file_that_was_there_before_is_known_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    disk = CrashDisk()
    fd = disk.open(str(tmp_path / "a"), os.O_RDWR)
    disk.truncate(fd, 3)
    disk.close(fd)
    assert (contents(disk, Loss.ALL), contents(disk, Loss.NOTHING)) == (
        {"a": b"before"}, {"a": b"bef"},
    )  # fmt: skip


def test_without_loss_the_image_is_what_stands_there(tmp_path: Path) -> None:
    """The model against the file system itself, in random rows of calls."""
    for seed in range(200):
        random, disk = Random(seed), CrashDisk()
        (folder := tmp_path / str(seed)).mkdir()
        fd = named(disk, folder)
        for _ in range(random.randint(1, 20)):
            place, size = random.randint(0, 3000), random.randint(1, 2000)
            verb = random.choice(("write", "write", "write", "truncate", "sync"))
            if verb == "write":
                disk.pwritev(fd, [random.randbytes(size)], place)
            elif verb == "truncate":
                disk.truncate(fd, place)
            else:
                disk.fdatasync(fd)
        disk.close(fd)
        there = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert contents(disk, Loss.NOTHING) == there, seed
        (copy := tmp_path / f"copy{seed}").mkdir()
        put_image(crash_image(disk.notes, Loss.NOTHING, Random(0)), str(copy))
        assert {path.name: path.read_bytes() for path in copy.iterdir()} == there, seed


# Writers that are wrong.  Each must be caught, or the cases of F1 show nothing.


def acknowledges_before_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordFile, "sync", RecordFile.wait)


def renames_before_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordFile, "seal", RecordFile.wait)


def never_syncs_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CrashDisk, "sync_directory", lambda disk, path: None)


def syncs_every_second_group_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sync, syncs = RecordFile.sync, count()

    def every_second(file: RecordFile) -> None:
        (sync if next(syncs) % 2 else RecordFile.wait)(file)

    monkeypatch.setattr(RecordFile, "sync", every_second)


@pytest.mark.parametrize(
    ("breaks", "end", "calls"),
    [
        (acknowledges_before_the_sync, End.NODE, range(20, 60)),
        (syncs_every_second_group_only, End.NODE, range(20, 60)),
        (renames_before_the_sync, End.NODE, range(50, 60)),
        (never_syncs_the_folder, End.MACHINE, range(20, 60)),
    ],
)
def test_a_wrong_writer_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    breaks: Callable[[pytest.MonkeyPatch], None], end: End, calls: range,
) -> None:  # fmt: skip
    cases = CrashCases(tmp_path)
    breaks(monkeypatch)
    with pytest.raises((AssertionError, DamageError), match=r"lost|damaged") as caught:
        for call in calls:
            cases.check(Place(1, call, end))
    assert caught.value.__notes__[-1].startswith("case: Place(stage=1")
