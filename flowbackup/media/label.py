"""Who a medium is: the label, in two copies, and the making of a new medium.

A medium is a directory: `flowbackup.label`, `README.txt`, `FORMAT.md`, `recover.py`, `segments/`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.layout import (
    BLOCK_BYTES_MAX,
    BLOCK_BYTES_MIN,
    FORMAT_MAJOR,
    FORMAT_MINOR,
)
from flowbackup.media.regular import read_regular
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, MediumInfo
from flowbackup.model.digest import frame_digest, header_checksum
from flowbackup.model.ids import id_from_text, id_text, new_id
from flowbackup.model.json_values import plain_text, whole_number

LABEL_NAME = "flowbackup.label"
SEGMENTS_NAME = "segments"
LOCK_NAME = "flowbackup.lock"
QUEUE_NAME = "flowbackup.queue"
DOCUMENTS = ("README.txt", "FORMAT.md", "recover.py")
"""Put on every medium, so that it explains itself and can be read without this package."""

LABEL_MARK = b"FBLABEL\n"
COPY_BYTES = 4096
"""One copy of the label: mark, u32 length, JSON, zeros, XXH3-64 of all that.  One sector of most
disks, so that a torn sector takes one copy only."""
COPIES = 2
_TEXT_BYTES_MAX = COPY_BYTES - len(LABEL_MARK) - 4 - 8
_OURS = frozenset({LOCK_NAME, SEGMENTS_NAME, LABEL_NAME + ".new", "lost+found", *DOCUMENTS})


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says.  documents: name -> digest (hex) of the texts beside it."""

    medium: bytes
    device: str
    pool: str
    block_bytes: int
    created_ns: int
    format_major: int = FORMAT_MAJOR
    format_minor: int = FORMAT_MINOR
    documents: Mapping[str, str] = field(default_factory=dict)

    def info(self, location: str, free_bytes: int = -1) -> MediumInfo:
        return MediumInfo(
            self.medium,
            self.device,
            self.pool,
            location,
            self.format_major,
            self.format_minor,
            self.block_bytes,
            free_bytes,
            self.created_ns,
        )

    def to_json(self) -> bytes:
        value = {
            "label": "flowbackup medium",
            "format": [self.format_major, self.format_minor],
            "critical": [],
            "medium": id_text(self.medium),
            "device": self.device,
            "pool": self.pool,
            "block_bytes": self.block_bytes,
            "created_ns": self.created_ns,
            "documents": dict(self.documents),
        }
        return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Label:
        """Raises FormatError for a newer format, DamageError for what is no label."""
        try:
            value = json.loads(data)
            major, minor = (whole_number(number) for number in value["format"])
            _check_format(major, minor, value.get("critical", []))
            documents = dict(value.get("documents", {}))
            return cls(
                id_from_text(value["medium"]),
                plain_text(value["device"]),
                plain_text(value["pool"]),
                _checked_block(whole_number(value["block_bytes"])),
                whole_number(value["created_ns"]),
                major,
                minor,
                {_file_name(k): plain_text(v) for k, v in documents.items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DamageError(f"the label cannot be understood: {error}") from error


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """A label and what is wrong with its copies, one line each; empty when both are good."""

    label: Label
    faults: tuple[str, ...] = ()


def pack_label(label: Label) -> bytes:
    """The bytes of a label file."""
    text = label.to_json()
    if len(text) > _TEXT_BYTES_MAX:
        raise DeviceError(f"the label of {label.device} is too long", remedy="use shorter names")
    body = LABEL_MARK + len(text).to_bytes(4, "little") + text
    body = body.ljust(COPY_BYTES - 8, b"\0")
    return (body + header_checksum(body).to_bytes(8, "little")) * COPIES


def parse_label(data: bytes) -> FoundLabel:
    """The label in the bytes of its file; one good copy is enough.

    Raises DamageError if none is good, FormatError if a newer program wrote it.
    """
    found: list[Label] = []
    faults: list[str] = []
    for number in range(COPIES):
        try:
            found.append(_parse_copy(data[number * COPY_BYTES : (number + 1) * COPY_BYTES]))
        except DamageError as error:
            faults.append(f"copy {number + 1} of the label: {error.message}")
    if not found:
        raise DamageError("no copy of the label can be read: " + "; ".join(faults))
    if any(label != found[0] for label in found):
        faults.append("the copies of the label differ")
    if len(data) != COPIES * COPY_BYTES:
        faults.append(f"the label has {len(data)} bytes, expected {COPIES * COPY_BYTES}")
    return FoundLabel(found[0], tuple(faults))


def read_label(location: str, device: str = "") -> FoundLabel:
    """The label of the medium at `location`.

    Raises DeviceError when there is none (with what to do), DamageError, FormatError.
    """
    name = device or location
    try:
        data = read_regular(os.path.join(location, LABEL_NAME), COPIES * COPY_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(location, name) from None
    except OSError as error:
        raise DeviceError(
            f'device "{name}": the label in {location} cannot be read: {error.strerror}',
            remedy="check the permissions and the disk",
            device=name,
            errno=error.errno or 0,
        ) from error
    try:
        return parse_label(data)
    except (DamageError, FormatError) as error:
        error.message = f'device "{name}", {location}: {error.message}'
        error.device = name
        raise


def init_medium(
    location: str,
    *,
    name: str,
    pool: str = "default",
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    calls: SystemCalls = SYSTEM,
) -> MediumInfo:
    """Makes a medium in a directory that is missing or empty; durable when it returns.

    The label is written last: a medium that lacks it was never finished and may be made again.
    Raises DeviceError where a medium or anything else is already there.
    """
    _checked_block(block_bytes)
    try:
        _check_free(location, name)
        segments = os.path.join(location, SEGMENTS_NAME)
        os.makedirs(segments, exist_ok=True)
        digests = {}
        for document in DOCUMENTS:
            data = files("flowbackup.media").joinpath(document).read_bytes()
            digests[document] = frame_digest(data).hex()
            write_file(calls, os.path.join(location, document), data)
        label = Label(new_id(), name, pool, block_bytes, time.time_ns(), documents=digests)
        path = os.path.join(location, LABEL_NAME)
        write_file(calls, path + ".new", pack_label(label))
        calls.sync_directory(segments)
        calls.rename(path + ".new", path)
        calls.sync_directory(location)
        calls.sync_directory(os.path.dirname(os.path.abspath(location)))
        return label.info(location, free_bytes(location))
    except OSError as error:
        raise DeviceError(
            f'device "{name}": no medium can be made in {location}: {error.strerror}',
            remedy="check the permissions and the space of the disk",
            device=name,
            errno=error.errno or 0,
        ) from error


def free_bytes(location: str) -> int:
    """Space that a file at `location` may still take."""
    space = os.statvfs(location)
    return space.f_bavail * space.f_frsize


def write_file(calls: SystemCalls, path: str, data: bytes) -> None:
    """Makes or overwrites a small file; its content is durable when this returns, its name is not.
    Raises OSError."""
    fd = calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        written = 0
        while written < len(data):
            written += calls.pwritev(fd, [data[written:]], written)
        calls.fsync(fd)
    finally:
        calls.close(fd)


def _parse_copy(copy: bytes) -> Label:
    if len(copy) < COPY_BYTES or not copy.startswith(LABEL_MARK):
        raise DamageError("it is cut off or its mark is wrong")
    body, checksum = copy[:-8], int.from_bytes(copy[-8:], "little")
    if header_checksum(body) != checksum:
        raise DamageError("its checksum does not match")
    begin = len(LABEL_MARK) + 4
    size = int.from_bytes(body[begin - 4 : begin], "little")
    if size > _TEXT_BYTES_MAX:
        raise DamageError("its length is not possible")
    return Label.from_json(body[begin : begin + size])


def _file_name(value: object) -> str:
    name = plain_text(value)
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _check_format(major: int, minor: int, critical: object) -> None:
    if major != FORMAT_MAJOR or critical:
        raise FormatError(
            f"the medium has format {major}.{minor} with features {critical}, "
            f"this program knows {FORMAT_MAJOR}.x",
            remedy="use a newer flowbackup for this medium",
        )


def _checked_block(block_bytes: int) -> int:
    possible = BLOCK_BYTES_MIN <= block_bytes <= BLOCK_BYTES_MAX
    if not possible or block_bytes & block_bytes - 1:
        raise DamageError(
            f"a block size of {block_bytes} bytes is not possible",
            remedy=f"use a power of two from {BLOCK_BYTES_MIN} to {BLOCK_BYTES_MAX}",
        )
    return block_bytes


def _check_free(location: str, name: str) -> None:
    if not os.path.lexists(location):
        return
    if not os.path.isdir(location):
        raise DeviceError(
            f'device "{name}": {location} is not a directory',
            remedy="name a directory",
            device=name,
        )
    present = set(os.listdir(location))
    if LABEL_NAME in present:
        raise DeviceError(
            f'device "{name}": {location} holds a medium already',
            remedy="use it as it is, or name an empty directory",
            device=name,
        )
    segments = os.path.join(location, SEGMENTS_NAME)
    foreign = sorted(present - _OURS)
    if not foreign and os.path.isdir(segments):
        foreign = sorted(os.listdir(segments))
    if foreign:
        raise DeviceError(
            f'device "{name}": {location} holds other things ({foreign[0]!r}, ...)',
            remedy="name an empty directory",
            device=name,
        )


def _missing(location: str, name: str) -> DeviceError:
    remedy = f"mount the disk, or make a medium with `flowbackup device init {location}`"
    if not os.path.lexists(location):
        text = f"{location} does not exist"
    elif not os.path.isdir(location):
        text, remedy = f"{location} is not a directory", "name a directory"
    elif not os.listdir(location):
        text = f"{location} is empty: no medium is there, or its disk is not mounted"
    else:
        text = f"{location} holds no medium of flowbackup, but other things"
        remedy = "name the directory of a medium, or an empty one for `flowbackup device init`"
    return DeviceError(f'device "{name}": {text}', remedy=remedy, device=name)
