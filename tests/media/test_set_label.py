"""The label of a set of media, and the making of a set."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from random import Random

import pytest

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.labels.set_label import (
    NUMBER_MAX,
    SET_NAME,
    SetLabel,
    init_set,
    number_of,
    read_set,
    write_set,
)
from flowbackup.media.labels.twice import COPY_BYTES
from flowbackup.testing.crash_disk import CrashDisk
from flowbackup.testing.crash_image import Loss, crash_image
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_id

MEDIA_BYTES = 1 << 30
LABEL = SetLabel(sample_id(4), "vault", "default", 512, MEDIA_BYTES, 0, media=NUMBER_MAX)


@pytest.mark.parametrize(
    "keys", [{"media": -1}, {"media": NUMBER_MAX + 1}, {"media_bytes": 0}, {"media_bytes": -1}]
)
def test_a_label_of_a_set_that_lies_is_damage(keys: dict[str, int]) -> None:
    assert SetLabel.from_json(LABEL.to_json()) == LABEL
    with pytest.raises(DamageError, match="the set cannot be understood"):
        SetLabel.from_json(json.dumps(json.loads(LABEL.to_json()) | keys).encode())


def test_only_the_name_of_a_medium_is_one() -> None:
    names = ["medium-00001", "medium-123456", "medium-0001", "medium-000012", "medium-", "medium-1"]
    assert [number_of(name) for name in names] == [1, 123456, 0, 0, 0, 0]
    others = ("segments", "medium-٠٠٠٠١", "medium-²", "medium-00000", "medium-" + 11 * "9")
    assert [number_of(name) for name in others] == [0, 0, 0, 0, 0]


def test_a_label_of_a_set_that_cannot_be_read_names_the_device(tmp_path: Path) -> None:
    place = tmp_path / "s"
    init_set(str(place), name="vault", media_bytes=MEDIA_BYTES)
    label = place / SET_NAME
    label.write_bytes(b"x" * 2 * COPY_BYTES)
    with pytest.raises(DamageError, match=f'^device "vault", {place}: no copy') as caught:
        read_set(str(place), "vault")
    assert caught.value.device == "vault"
    label.unlink()
    label.mkdir()
    with pytest.raises(DeviceError, match=f"reading the label of the set in {place}") as unreadable:
        read_set(str(place), "vault")
    assert unreadable.value.device == "vault"


def test_a_set_is_durable_when_it_was_made(tmp_path: Path) -> None:
    """The power fails right after: every file is there, and so are the folders."""
    place, disk = tmp_path / "s", CrashDisk()
    init_set(str(place), name="vault", media_bytes=MEDIA_BYTES, calls=disk)
    image = crash_image(disk.notes, Loss.ALL, Random(0))
    written = {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert {path: file.content for path, file in image.items()} == written
    made = {note.name for note in disk.notes if note.verb == "sync_directory"}
    assert {str(place), str(tmp_path)} <= made


def test_what_hinders_the_making_of_a_set_is_named(tmp_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EIO, "rename", for_ever=True))
    with pytest.raises(DeviceError, match="making") as caught:
        init_set(str(tmp_path / "s"), name="vault", media_bytes=MEDIA_BYTES, calls=calls)
    assert (caught.value.device, caught.value.errno) == ("vault", errno.EIO)
    calls = FaultySystemCalls(Fault(1, errno.EIO, "open"))
    with pytest.raises(DeviceError, match=f"making a set of media in {tmp_path}/t") as caught:
        init_set(str(tmp_path / "t"), name="vault", media_bytes=MEDIA_BYTES, calls=calls)
    assert (caught.value.device, caught.value.errno) == ("vault", errno.EIO)


def test_names_that_no_label_holds_are_refused(tmp_path: Path) -> None:
    long = SetLabel(sample_id(4), "v" * COPY_BYTES, "default", 512, MEDIA_BYTES, 0)
    with pytest.raises(DeviceError, match="too long") as caught:
        write_set(str(tmp_path), long, FaultySystemCalls())
    assert caught.value.remedy == "use shorter names" and not list(tmp_path.iterdir())
