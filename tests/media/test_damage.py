"""Damage x place: what verify says and what readers still believe.  All bits of a whole medium are
flipped, and all its lengths cut, in tests/faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.checks.verify import VerifyReport, verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments import segment_source
from flowbackup.media.segments.scan import Damage
from flowbackup.model.digest import frame_digest
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import make_device, only_segment, write_groups

GROUPS = [[700], [300, 512], [0]]
BLOCK = 512


def verified(device: DirectoryDevice) -> VerifyReport:
    return verify_medium(device, RecordingMonitor())


def flips(path: Path, step: int = 1) -> Iterator[int]:
    """Flips one bit of each byte, or of one in `step`, and puts each back."""
    path.chmod(0o600)
    data = path.read_bytes()
    fd = os.open(path, os.O_RDWR)
    for offset in range(0, len(data), step):
        byte = data[offset]
        os.pwrite(fd, bytes([byte ^ 1 << offset * 5 % 8]), offset)
        yield offset
        os.pwrite(fd, bytes([byte]), offset)
    os.close(fd)


def believed(device: DirectoryDevice) -> list[StoredFrame]:
    return [item for item in device.reader().scan() if isinstance(item, StoredFrame)]


@pytest.fixture(autouse=True)
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ahead would be most of the time of ten thousand flips in memory."""
    monkeypatch.setattr(segment_source, "O_DIRECT", 0)


def check_flips(place: Path, *, seal: bool) -> None:
    """Each flip is detected, at its place; every other frame is still found."""
    device = make_device(place)
    frames = [f for group in write_groups(device, GROUPS, seal=seal) for f in group]
    path = only_segment(place)
    unproven = path.stat().st_size if seal else frames[-1].place.offset
    assert verified(device).damages == ()
    for offset in flips(path, 3):
        report = verified(device)
        assert report.damages, offset
        assert any(damage.offset <= offset < damage.end for damage in report.damages), offset
        assert bool(report.damaged) == (seal or offset < unproven), offset
        wanted = frames if seal else frames[:-1]
        hit = [f for f in wanted if f.place.offset <= offset < f.place.offset + BLOCK]
        assert set(wanted) - set(hit) <= set(believed(device)), offset


def test_a_sealed_segment_is_covered(memory_path: Path) -> None:
    check_flips(memory_path / "m", seal=True)


def test_an_unfinished_segment_is_covered(memory_path: Path) -> None:
    check_flips(memory_path / "m", seal=False)


@pytest.mark.parametrize(
    "name",
    [
        "README.txt",
        pytest.param("FORMAT.md", marks=pytest.mark.slow),
        pytest.param("recover.py", marks=pytest.mark.slow),
    ],
)
def test_every_byte_of_the_texts_is_covered(memory_path: Path, name: str) -> None:
    device = make_device(memory_path / "m")
    for offset in flips(memory_path / "m" / name):
        (damage,) = verified(device).damaged
        assert name in damage.reason, offset
        assert device.reader().info().medium == damage.medium


def test_a_damaged_frame_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    frames = [f for group in write_groups(device, GROUPS) for f in group]
    path = only_segment(tmp_path / "m")
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(frames[1].place.offset + 512 + 40)
        file.write(b"\0\1\2\3")
    monitor = RecordingMonitor()
    (damage,) = verify_medium(device, monitor).damaged
    header = frames[1].header
    assert (damage.frame, damage.object_id) == (header.frame_id, header.object_id)
    assert (damage.segment, damage.offset) == (1, frames[1].place.offset)
    assert [problem.kind for problem in monitor.problems] == ["damaged"]
    reader = device.reader()
    for stored in frames:
        if stored is frames[1]:
            with pytest.raises(DamageError, match="segment 1"):
                reader.read(stored.header, stored.place)
        else:
            assert reader.read(stored.header, stored.place)[0] == stored.header


def test_a_commit_without_its_frame_is_not_believed(tmp_path: Path) -> None:
    """Of unsynced sectors a crash may keep the commit and lose the payload."""
    device = make_device(tmp_path / "m")
    groups = write_groups(device, [[700], [300], [400]], seal=False)
    path = only_segment(tmp_path / "m")
    with path.open("r+b") as file:
        file.seek(groups[2][0].place.offset + 512)
        file.write(bytes(512))
    assert list(device.reader().frames()) == groups[0] + groups[1]
    (torn,) = verified(device).unfinished
    assert torn.frame == groups[2][0].header.frame_id


def test_records_moved_doubled_or_put_in_break_the_chain(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    groups = write_groups(device, [[512], [512], [512], [512]])
    path = only_segment(tmp_path / "m")
    path.chmod(0o600)
    data = path.read_bytes()
    size = 512 * 3
    first, second = groups[1][0].place.offset, groups[2][0].place.offset
    a, b = data[first : first + size], data[second : second + size]
    changes = {
        "swapped": data[:first] + b + a + data[second + size :],
        "doubled": data[:first] + a + a + data[second + size :],
        "left out": data[:first] + data[second:],
        "repeated at the end": data + a,
    }
    for what, changed in changes.items():
        path.write_bytes(changed)
        assert verified(device).damaged, what


def test_a_segment_under_another_name_or_of_another_medium_is_damage(tmp_path: Path) -> None:
    device, other = make_device(tmp_path / "a"), make_device(tmp_path / "b")
    write_groups(device, GROUPS)
    write_groups(other, GROUPS)
    path = only_segment(tmp_path / "a")
    stranger = only_segment(tmp_path / "b").read_bytes()
    path.rename(path.with_name("00000002-0001.seg"))
    assert "segment 1" in verified(device).damaged[0].reason
    (tmp_path / "a" / "segments" / "00000003-0001.seg").write_bytes(stranger)
    assert "another medium" in verified(device).damaged[-1].reason
    (tmp_path / "a" / "segments" / "notes.txt").write_text("hello")
    assert verified(device).unknown_files == ("notes.txt",)


def test_a_payload_that_is_a_segment_of_another_medium_deceives_nobody(tmp_path: Path) -> None:
    other = make_device(tmp_path / "b")
    write_groups(other, GROUPS)
    inner = only_segment(tmp_path / "b").read_bytes()
    device = make_device(tmp_path / "a")
    device.lock("test")
    writer = device.writer(sample_frame(1).header.session, 1)
    from_noise = sample_frame(len(inner), 0)
    from_noise.payload[:] = inner
    digest = frame_digest(inner)
    writer.append(from_noise.header._replace(digest=digest), from_noise.payload)
    after = sample_frame(100, 1)
    writer.append(*after)
    writer.finish()
    device.close()
    path = only_segment(tmp_path / "a")
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(next(iter(device.reader().frames())).place.offset)
        file.write(bytes(100))
    found = list(device.reader().scan())
    assert [type(item) for item in found] == [Damage, StoredFrame]
    assert isinstance(found[1], StoredFrame) and found[1].header == after.header
