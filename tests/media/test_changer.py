"""Changers: what mtx says, and that virtual ones do the same."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from flowbackup.media.places.tape import changer as changers
from flowbackup.media.places.tape.cartridge import CartridgeText
from flowbackup.media.places.tape.changer import (
    ChangerSlot,
    MtxChanger,
    VirtualChanger,
    changer_at,
    make_library,
    parse_status,
)
from flowbackup.media.places.tape.drive import TapeError

STATUS = """\
  Storage Changer /dev/sg3:2 Drives, 5 Slots ( 1 Import/Export )
Data Transfer Element 0:Full (Storage Element 2 Loaded):VolumeTag = A00002L8
Data Transfer Element 1:Empty
      Storage Element 1:Full :VolumeTag=A00001L8
      Storage Element 2:Empty
      Storage Element 3:Full
      Storage Element 4:Empty:VolumeTag=
      Storage Element 5 IMPORT/EXPORT:Full :VolumeTag=B00001L8
"""


def test_what_mtx_says_is_understood() -> None:
    slots = [
        ChangerSlot(1, True, "A00001L8"), ChangerSlot(2, False), ChangerSlot(3, True),
        ChangerSlot(4, False),
    ]  # fmt: skip
    assert parse_status(STATUS, 0) == [ChangerSlot(0, True, "A00002L8", 2), *slots]
    assert parse_status(STATUS, 1) == [ChangerSlot(0, False), *slots]


def test_mtx_is_run_for_the_drive_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, STATUS, "")

    monkeypatch.setattr(changers.subprocess, "run", run)
    changer = changer_at("/dev/sg3:1")
    assert isinstance(changer, MtxChanger)
    assert changer.slots()[0] == ChangerSlot(0, False)
    changer.load(3)
    changer.unload(4)
    begin = ("mtx", "-f", "/dev/sg3")
    assert commands == [
        (*begin, "status"), (*begin, "load", "3", "1"), (*begin, "unload", "4", "1"),
    ]  # fmt: skip


def _missing(command: object, **options: object) -> subprocess.CompletedProcess[str]:
    raise FileNotFoundError


def _late(command: object, **options: object) -> subprocess.CompletedProcess[str]:
    raise subprocess.TimeoutExpired("mtx", 1)


def _refusing(command: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess("mtx", 1, "", "Source Element Address 1001\n is Empty\n")


@pytest.mark.parametrize(
    ("run", "number", "text"),
    [
        (_missing, errno.ENOENT, "there is no command mtx"),
        (_late, errno.ETIMEDOUT, "load 1 0 took too long"),
        (_refusing, errno.EIO, "load 1 0 failed: Source Element Address 1001 is Empty"),
    ],
)
def test_what_mtx_refuses_names_the_changer(
    monkeypatch: pytest.MonkeyPatch, run: object, number: int, text: str
) -> None:
    monkeypatch.setattr(changers.subprocess, "run", run)
    with pytest.raises(TapeError) as told:
        MtxChanger("/dev/sg3").load(1)
    assert (told.value.errno, told.value.strerror) == (number, f"changer /dev/sg3: {text}")
    assert told.value.remedy


def test_a_virtual_changer_moves_tapes(tmp_path: Path) -> None:
    make_library(str(tmp_path / "changer"), 2, CartridgeText())
    changer = changer_at(str(tmp_path / "changer"))
    assert isinstance(changer, VirtualChanger)
    full = [ChangerSlot(1, True, "VT0001"), ChangerSlot(2, True, "VT0002")]
    assert changer.slots() == [ChangerSlot(0, False), *full]
    changer.load(2)
    assert changer.slots() == [ChangerSlot(0, True, "VT0002"), full[0], ChangerSlot(2, False)]
    for call, slot in ((changer.load, 1), (changer.load, 2), (changer.unload, 1)):
        with pytest.raises(TapeError, match="no tape can go"):
            call(slot)
    changer.unload(2)
    assert changer.slots() == [ChangerSlot(0, False), *full]
