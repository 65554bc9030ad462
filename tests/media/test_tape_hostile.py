"""What stands beside virtual tapes, and in the archives of texts on tapes, may be anything: it is
told by name, or left out, and never ends a command as a fault of flowbackup would."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.places.tape import changer as changers
from flowbackup.media.places.tape.cartridge import TEXT_NAME
from flowbackup.media.places.tape.changer import MtxChanger, changer_at
from flowbackup.media.places.tape.drive import TapeDrive, TapeError, TapeOp
from flowbackup.media.places.tape.loaded import number_in
from flowbackup.media.places.tape.shared_drive import shared_drive
from flowbackup.media.places.tape.state import NOTES_NAME, read_notes
from flowbackup.media.places.tape.virtual_drive import POSITION_NAME
from flowbackup.model.tape_place import TapePlace
from flowbackup.monitor import SilentMonitor
from flowbackup.units import round_up
from tests.media.tape_samples import (
    BLOCK,
    make_changer,
    make_tape,
    sequences,
    tape_folder,
    write,
)

Text = dict[str, object]


def plain(name: str, data: bytes, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry, data


def archive(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as tar:
        for entry, data in entries:
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def link(target: str) -> bytes:
    return archive(plain("README.txt", b"", type=tarfile.SYMTYPE, linkname=target))


def sparse() -> bytes:
    holes = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 60)}
    return archive(plain("README.txt", b"x", pax_headers=holes), form=tarfile.PAX_FORMAT)


def of_size(size: int) -> bytes:
    """An entry that says it is so long, behind another one."""
    made = bytearray(archive(plain("README.txt", b"x" * BLOCK)))
    made[124:136] = (size + (0x80 << 88 if size >= 0 else 1 << 96)).to_bytes(12, "big")
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:BLOCK])
    return archive(plain("empty", b""))[:BLOCK] + made


ARCHIVES = {
    "no archive": b"\xff" * 9000,
    "a link to nothing": link("nothing"),
    "a link to itself": link("README.txt"),
    "a file with holes": sparse(),
    "a huge size": of_size(1 << 70),
    "a size below 0": of_size(-BLOCK),
    "long names without end": archive(*[plain("n", b"x", type=b"L")] * 5000),
    "names that are no UTF-8": archive(plain("\udcff", b"x"), form=tarfile.GNU_FORMAT),
}


@pytest.mark.parametrize("made", ARCHIVES.values(), ids=ARCHIVES)
def test_of_a_strange_archive_the_missing_texts_are_told(tmp_path: Path, made: bytes) -> None:
    device = make_tape(tmp_path / "drive")
    write(device, 9000)
    texts = tape_folder(tmp_path / "drive") / "file-00001"
    texts.write_bytes(made.ljust(round_up(len(made), BLOCK), b"\0"))
    report = verify_medium(device, SilentMonitor())
    told = " ".join(damage.file for damage in report.damages)
    assert "README.txt" in told and "recover.py" in told
    assert sequences(device) == [0]


def changed(folder: Path, change: Text) -> None:
    file = folder / TEXT_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


TEXTS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: (folder / TEXT_NAME).write_bytes(b""),
    "no UTF-8": lambda folder: (folder / TEXT_NAME).write_bytes(b'{"\xff": 1}'),
    "no JSON": lambda folder: (folder / TEXT_NAME).write_bytes(b"capacity_bytes: 7"),
    "no object": lambda folder: (folder / TEXT_NAME).write_bytes(b"[1, 2]"),
    "too deep": lambda folder: (folder / TEXT_NAME).write_bytes(b"[" * 60_000),
    "huge": lambda folder: (folder / TEXT_NAME).write_bytes(b" " * (1 << 20) + b"{}"),
    "a number without end": lambda folder: (folder / TEXT_NAME).write_bytes(
        b'{"capacity_bytes": %s}' % (b"9" * 9000)
    ),
    "a strange key": lambda folder: changed(folder, {"colour": "red"}),
    "a text for a number": lambda folder: changed(folder, {"capacity_bytes": "1"}),
    "a fraction": lambda folder: changed(folder, {"block_bytes": 0.5}),
    "a number below 0": lambda folder: changed(folder, {"block_bytes": -BLOCK}),
    "a number beyond all": lambda folder: changed(folder, {"warning_bytes": 1 << 70}),
    "a number for a truth": lambda folder: changed(folder, {"is_protected": 7}),
}


@pytest.mark.parametrize("spoil", TEXTS.values(), ids=TEXTS)
def test_a_strange_text_of_a_virtual_tape_is_named(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    device = make_tape(tmp_path / "drive")
    spoil(tape_folder(tmp_path / "drive"))
    with pytest.raises(DeviceError) as told:
        device.info()
    assert str(tmp_path / "drive" / "VT0001" / TEXT_NAME) in told.value.message
    assert told.value.remedy.startswith("correct it")


@pytest.mark.parametrize("name", ["file-00009", "file-x", "file-\udcff"])
def test_a_strange_file_of_a_virtual_tape_is_named(tmp_path: Path, name: str) -> None:
    device = make_tape(tmp_path / "drive")
    (tape_folder(tmp_path / "drive") / name).write_bytes(b"x")
    with pytest.raises(DeviceError, match=f"{name} is not of a virtual tape"):
        device.info()


@pytest.mark.parametrize(
    "content",
    [b"", b"VT0001", b"VT0001 -3", b"VT0001 \xff", b"VT0001 0x7", b"VT0001 " + b"9" * 5000],
    ids=["nothing", "no number", "below 0", "no UTF-8", "no decimal", "without end"],
)
def test_a_strange_position_of_a_drive_is_named(tmp_path: Path, content: bytes) -> None:
    device = make_tape(tmp_path / "drive")
    (tmp_path / "drive" / POSITION_NAME).write_bytes(content)
    with pytest.raises(DeviceError, match=f"drive/{POSITION_NAME} is no position of a tape"):
        device.info()
    (tmp_path / "drive" / POSITION_NAME).unlink()
    assert device.info().device == "lto"


def test_a_virtual_tape_may_be_called_anything(tmp_path: Path) -> None:
    name = os.fsdecode(b"Band \xff")
    device = make_tape(tmp_path / "drive", name=name)
    write(device, 9000)
    assert (tmp_path / "drive" / POSITION_NAME).read_bytes().startswith(b"Band \xff ")
    assert sequences(device) == [0]


def test_what_a_killed_writer_left_of_a_block_is_written_over(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive")
    write(device, 9000)
    last = max(tape_folder(tmp_path / "drive").glob("file-*"))
    last.write_bytes(b"torn")

    def add(drive: TapeDrive) -> None:
        drive.operate(TapeOp.TO_END)
        drive.operate(TapeOp.SET_BLOCK, BLOCK)
        drive.write(b"x" * BLOCK)

    shared_drive(str(tmp_path / "drive")).with_drive(add)
    assert last.read_bytes() == b"x" * BLOCK


@pytest.mark.parametrize("name", ["slot-", "slot-x", "slot-1", "slot-000", "slot-0001", "slot-٠٠٩"])
def test_a_strange_slot_is_named(tmp_path: Path, name: str) -> None:
    device = make_changer(tmp_path / "changer")
    (tmp_path / "changer" / name).mkdir()
    with pytest.raises(TapeError, match=f"{name} is no slot"):
        changer_at(str(tmp_path / "changer")).slots()
    with pytest.raises(DeviceError, match="is no slot"):
        device.info()


def test_a_strange_drive_of_a_changer_is_named() -> None:
    with pytest.raises(TapeError, match='changer /dev/sg3: "x" is no number of a drive'):
        MtxChanger("/dev/sg3:x")


def test_a_bar_code_may_have_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mtx = tmp_path / "mtx"
    line = r"Storage Element 1:Full :VolumeTag=A\377\001"
    mtx.write_text(f"#!/bin/sh\nprintf '{line}\\n'\n")
    mtx.chmod(0o700)
    monkeypatch.setattr(changers, "MTX", str(mtx))
    (slot,) = MtxChanger("/dev/sg3").slots()
    assert slot.is_full and slot.tag.startswith("A\\xff")


def test_notes_that_are_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NOTES_NAME)
    assert read_notes(TapePlace(str(tmp_path))) == {}


@pytest.mark.parametrize("number", ["-1", "true", "1e9", '"1"', "1" * 5000])
def test_a_strange_number_in_a_label_is_none(number: str) -> None:
    text = b'{"set": {"number": %s}}' % number.encode()
    copy = bytes(8) + len(text).to_bytes(4, "little") + text
    assert number_in(copy.ljust(round_up(len(copy), 4096), b"\0")) == 0
