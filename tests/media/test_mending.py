"""Label and documents made whole again: what has a fault and nothing else, durable, label last."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SystemCalls
from flowbackup.media.labels.label import COPY_BYTES, DOCUMENTS, LABEL_NAME, init_medium, read_label
from flowbackup.media.labels.mending import faults, mend


class Recorded(SystemCalls):
    """Notes what is renamed and which directories are synced; fails what it is told to fail."""

    def __init__(self, failing: str = "") -> None:
        self.seen: list[str] = []
        self._failing = failing

    def rename(self, source: str, target: str, *, folder: int | None = None) -> None:
        self._note("rename", os.path.basename(target))
        super().rename(source, target, folder=folder)

    def sync_directory(self, place: str | int) -> None:
        self._note("sync_directory", os.path.basename(str(place)))
        super().sync_directory(place)

    def _note(self, call: str, name: str) -> None:
        self.seen.append(f"{call} {name}")
        if call == self._failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    place = tmp_path / "medium"
    init_medium(str(place), name="nas")
    return place


def spoil_label(place: Path) -> None:
    path = place / LABEL_NAME
    data = bytearray(path.read_bytes())
    data[COPY_BYTES + 20] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def spoil_document(place: Path) -> None:
    path = place / "README.txt"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b"\nscribbled")


def lose_document(place: Path) -> None:
    (place / "FORMAT.md").unlink()


def test_nothing_is_written_where_nothing_is_wrong(medium: Path) -> None:
    before = {path: path.stat() for path in medium.iterdir()}
    calls = Recorded()
    assert faults(str(medium), "nas") == ()
    assert mend(str(medium), "nas", calls) == ()
    assert calls.seen == []
    assert {path: path.stat() for path in medium.iterdir()} == before


@pytest.mark.parametrize(
    ("harm", "named", "written"),
    [
        (spoil_label, LABEL_NAME, (LABEL_NAME,)),
        (spoil_document, "README.txt", ("README.txt", LABEL_NAME)),
        (lose_document, "FORMAT.md", ("FORMAT.md", LABEL_NAME)),
    ],
)
def test_what_is_wrong_is_written_anew_and_the_label_last(
    medium: Path, harm: Callable[[Path], None], named: str, written: tuple[str, ...]
) -> None:
    label = read_label(str(medium), "nas").label
    harm(medium)
    (fault,) = faults(str(medium), "nas")
    assert named in fault or "label" in fault
    calls = Recorded()
    assert mend(str(medium), "nas", calls) == written
    assert calls.seen == [*(f"rename {name}" for name in written), "sync_directory medium"]
    assert faults(str(medium), "nas") == ()
    assert read_label(str(medium), "nas").label == label
    assert {path.name for path in medium.iterdir() if path.is_file()} == {*DOCUMENTS, LABEL_NAME}


@pytest.mark.parametrize("call", ["rename", "sync_directory"])
def test_a_device_that_refuses_is_named_and_nothing_is_believed(medium: Path, call: str) -> None:
    spoil_label(medium)
    with pytest.raises(DeviceError, match=r"mending the label of .*medium.*No space left") as told:
        mend(str(medium), "nas", Recorded(call))
    assert (told.value.device, told.value.errno) == ("nas", errno.ENOSPC)
