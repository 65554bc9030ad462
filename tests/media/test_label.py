"""The label, and the making of a medium."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.labels.label import (
    LABEL_MARK,
    LABEL_NAME,
    Label,
    init_medium,
    pack_label,
    parse_label,
    read_label,
)
from flowbackup.media.labels.twice import COPY_BYTES
from flowbackup.model.digest import header_checksum
from flowbackup.model.ids import id_text
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.crash_disk import CrashDisk
from flowbackup.testing.crash_image import Loss, crash_image
from flowbackup.testing.frames import sample_id
from tests.media.media_samples import make_device

LABEL = Label(sample_id(3), "nas", "default", 4096, 17, documents={"README.txt": "00"})

MEMBER = {"set": id_text(sample_id(4)), "number": 1, "media_bytes": 1}


def one_copy(text: bytes) -> bytes:
    """A copy with a good checksum around any text."""
    body = (LABEL_MARK + len(text).to_bytes(4, "little") + text).ljust(COPY_BYTES - 8, b"\0")
    return body + header_checksum(body).to_bytes(8, "little")


def with_keys(**keys: object) -> bytes:
    return one_copy(json.dumps(json.loads(LABEL.to_json()) | keys).encode()) * 2


def test_a_label_comes_back_equal() -> None:
    found = parse_label(pack_label(LABEL))
    assert (found.label, found.faults) == (LABEL, ())


def test_every_byte_of_a_label_is_covered_and_one_copy_is_enough() -> None:
    data = pack_label(LABEL)
    for offset, byte in enumerate(data):
        flipped = bytearray(data)
        flipped[offset] = byte ^ 1 << offset % 8
        found = parse_label(bytes(flipped))
        assert found.label == LABEL
        assert f"copy {1 + offset // COPY_BYTES}" in found.faults[0]


def test_two_bad_copies_are_damage() -> None:
    data = bytearray(pack_label(LABEL))
    data[100] ^= 1
    data[COPY_BYTES + 100] ^= 1
    with pytest.raises(DamageError, match="no copy"):
        parse_label(bytes(data))


def test_copies_that_differ_and_wrong_lengths_are_reported() -> None:
    other = replace(LABEL, device="usb")
    differing = pack_label(LABEL)[:COPY_BYTES] + pack_label(other)[COPY_BYTES:]
    assert "differ" in parse_label(differing).faults[0]
    assert "bytes" in parse_label(pack_label(LABEL) + b"x").faults[0]
    assert parse_label(pack_label(LABEL)[:-1]).faults


@pytest.mark.parametrize(
    "keys", [{"format": [2, 0]}, {"critical": ["tape"]}], ids=["major", "critical feature"]
)
def test_a_newer_label_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="newer"):
        parse_label(with_keys(**keys))


def test_a_newer_minor_and_unknown_keys_are_accepted() -> None:
    assert parse_label(with_keys(format=[1, 9], colour="red")).label.medium == LABEL.medium


@pytest.mark.parametrize(
    "keys",
    [{"medium": "zz"}, {"block_bytes": 0}, {"block_bytes": 1000}, {"block_bytes": 1 << 63},
     {"format": [1]}, {"documents": 5}, {"created_ns": None}, {"documents": {"": "00"}},
     {"documents": {".": "00"}}, {"documents": {"..": "00"}}, {"documents": {"../x": "00"}},
     {"documents": {"x\0": "00"}},
     {"set": MEMBER | {"number": 0}}, {"set": MEMBER | {"media_bytes": -1}},
     {"set": MEMBER | {"number": "1"}}],
)  # fmt: skip
def test_a_label_that_lies_is_damage(keys: dict[str, object]) -> None:
    with pytest.raises(DamageError):
        parse_label(with_keys(**keys))


def test_a_label_whose_text_is_no_json_or_too_deep_is_damage() -> None:
    for text in (b"", b"[]", b"\xff", b"[" * 4000):
        with pytest.raises(DamageError):
            parse_label(one_copy(text) * 2)


def test_init_makes_a_medium_and_its_texts(tmp_path: Path) -> None:
    place = tmp_path / "not" / "yet"
    info = init_medium(str(place), name="nas", pool="daily", block_bytes=1024)
    assert (info.device, info.pool, info.block_bytes) == ("nas", "daily", 1024)
    assert sorted(path.name for path in place.iterdir()) == [
        "FORMAT.md", "README.txt", "flowbackup.label", "recover.py", "segments",
    ]  # fmt: skip
    found = read_label(str(place))
    assert (found.label.medium, found.faults) == (info.medium, ())
    report = verify_medium(make_device(place), RecordingMonitor())
    assert (report.damages, report.segments) == ((), 0)


def test_init_finishes_what_was_interrupted_and_ignores_lost_and_found(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    init_medium(str(tmp_path), name="nas")
    (tmp_path / "flowbackup.label").unlink()
    init_medium(str(tmp_path), name="nas")


def test_init_refuses_what_it_would_bury(tmp_path: Path) -> None:
    init_medium(str(tmp_path / "medium"), name="nas")
    with pytest.raises(DeviceError, match="holds a medium already"):
        init_medium(str(tmp_path / "medium"), name="nas")
    (tmp_path / "medium" / "flowbackup.label").unlink()
    (tmp_path / "medium" / "segments" / "00000001-0001.seg").write_text("kept")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").write_text("kept")
    (tmp_path / "mixed" / "segments").mkdir(parents=True)
    (tmp_path / "mixed" / "photo.jpg").write_text("kept")
    for name in ("medium", "full", "mixed"):
        with pytest.raises(DeviceError, match="holds other things") as caught:
            init_medium(str(tmp_path / name), name="nas")
        assert "empty directory" in caught.value.remedy
    (tmp_path / "file").write_text("kept")
    with pytest.raises(DeviceError, match="not a directory"):
        init_medium(str(tmp_path / "file"), name="nas")


@pytest.mark.parametrize(
    ("make", "text", "remedy"),
    [
        ("nothing", "does not exist", "mount the disk, or"),
        ("directory", "not mounted", "device init"),
        ("foreign", "holds no medium", "name the directory"),
        ("file", "not a directory", "name a directory"),
    ],
)
def test_a_missing_medium_is_explained(tmp_path: Path, make: str, text: str, remedy: str) -> None:
    place = tmp_path / "place"
    if make == "file":
        place.write_text("")
    elif make != "nothing":
        place.mkdir()
    if make == "foreign":
        (place / "photo.jpg").write_text("kept")
    with pytest.raises(DeviceError, match=text) as caught:
        read_label(str(place), "nas")
    assert caught.value.device == "nas" and 'device "nas"' in caught.value.message
    assert remedy in caught.value.remedy


def test_a_medium_is_durable_when_it_was_made(tmp_path: Path) -> None:
    """The power fails right after: label and texts are there, and so are their folders."""
    place, disk = tmp_path / "m", CrashDisk()
    init_medium(str(place), name="nas", calls=disk)
    image = crash_image(disk.notes, Loss.ALL, Random(0))
    written = {str(path): path.read_bytes() for path in place.iterdir() if path.is_file()}
    assert {path: file.content for path, file in image.items()} == written
    made = [note.name for note in disk.notes if note.verb == "sync_directory"]
    assert {str(place / "segments"), str(tmp_path)} <= set(made)


def test_a_label_is_never_half_there(tmp_path: Path) -> None:
    """Its name comes after its content and after the folder of segments, whatever the disk does."""
    place, disk = tmp_path / "m", CrashDisk()
    init_medium(str(place), name="nas", calls=disk)
    verbs = [note.verb for note in disk.notes]
    named = verbs.index("rename")
    for notes in (disk.notes[:named], disk.notes[: named + 1]):
        image = crash_image(notes, Loss.NOTHING, Random(0))
        kept = crash_image(notes, Loss.ALL, Random(0))
        assert (str(place / LABEL_NAME) in image) == (len(notes) > named)
        assert str(place / LABEL_NAME) not in kept
    assert str(place / "segments") in [note.name for note in disk.notes[:named]]


def test_what_hinders_the_making_of_a_medium_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(DeviceError, match='device "nas": no medium can be made') as caught:
        init_medium(str(tmp_path / "file" / "m"), name="nas")
    assert (caught.value.device, caught.value.errno) == ("nas", errno.ENOTDIR)
    with pytest.raises(DeviceError, match="use shorter names"):
        pack_label(replace(LABEL, device="n" * COPY_BYTES))


def test_a_label_that_cannot_be_read_names_the_device(tmp_path: Path) -> None:
    make_device(tmp_path / "m")
    label = tmp_path / "m" / LABEL_NAME
    label.write_bytes(b"x" * 2 * COPY_BYTES)
    with pytest.raises(DamageError, match=f'device "nas", {tmp_path}/m: no copy') as caught:
        read_label(str(tmp_path / "m"), "nas")
    assert caught.value.device == "nas"
    label.unlink()
    label.mkdir()
    with pytest.raises(DeviceError, match=f'device "nas": the label in {tmp_path}/m') as unreadable:
        read_label(str(tmp_path / "m"), "nas")
    assert unreadable.value.device == "nas"


def test_a_copy_that_cannot_be_is_none_though_its_checksum_fits() -> None:
    body = one_copy(LABEL.to_json())[:-8]
    text = body[12:].replace(b"\0", b" ")
    for wrong, reason in (
        (body[:1000], "cut off"),
        (b"FBLABEL\r" + body[8:], "mark is wrong"),
        (LABEL_MARK + (len(text) + 1).to_bytes(4, "little") + text, "length is not possible"),
    ):
        with pytest.raises(DamageError, match=reason):
            parse_label(wrong + header_checksum(wrong).to_bytes(8, "little"))
