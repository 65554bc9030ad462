"""The content of files of a version, verified chunk by chunk on its way to the browser: a beginning
to look at, and downloads, whose path is a secret for once."""

from __future__ import annotations

import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import StreamingResponse

from flowbackup import api
from flowbackup.errors import DamageError, UsageError
from flowbackup.model.entry import EntryKind
from flowbackup.monitor import Problem, SilentMonitor
from flowbackup.ui.access import ONE_TIME
from flowbackup.ui.refusal import Refused
from flowbackup.ui.values.look import Preview

PREVIEW_BYTES = 64 << 10
TICKET_SECONDS = 30.0
TICKETS_MAX = 100
PIECE_BYTES = 256 << 10
Give = Callable[[BinaryIO], object]


class _Enough(Exception):
    """No more is looked at."""


class _Beginning(io.RawIOBase):
    """Takes so much and then raises _Enough."""

    def __init__(self, bytes_max: int) -> None:
        self.data = bytearray()
        self._bytes_max = bytes_max

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]
        self.data += piece[: self._bytes_max - len(self.data)]
        if len(self.data) >= self._bytes_max:
            raise _Enough
        return len(piece)


def preview_of(query: str, catalog: Path) -> Preview:
    """The beginning of a file.  Raises UsageError for what is none, NotFoundError, DeviceError."""
    entry = api.entry(query, catalog)
    if entry.kind != EntryKind.FILE:
        raise UsageError("this is no file", remedy="open what is in it")
    beginning = _Beginning(PREVIEW_BYTES)
    try:
        api.cat(query, beginning, catalog)  # type: ignore[arg-type]
    except _Enough:
        pass
    return Preview(
        text=_text_of(bytes(beginning.data), entry.size), size=entry.size,
        truncated=entry.size > PREVIEW_BYTES,
    )  # fmt: skip


def _text_of(data: bytes, size: int) -> str | None:
    """None where it is no text: a NUL, or no UTF-8.  A letter that was cut is left out."""
    if b"\0" in data:
        return None
    for cut in range(4 if size > len(data) else 1):
        try:
            return data[: len(data) - cut].decode()
        except UnicodeDecodeError:
            continue
    return None


@dataclass(frozen=True, slots=True)
class Download:
    """name: what the file is called that the browser writes.  size: None for an archive."""

    name: str
    size: int | None
    give: Give


def download_of(query: str, catalog: Path) -> Download:
    """A file as it is, a directory as a tar archive; `give` raises where anything is missing.
    Raises UsageError, NotFoundError."""
    entry = api.entry(query, catalog)
    name = os.fsdecode(entry.path.rpartition(b"/")[2]) or "object"
    if entry.kind == EntryKind.FILE:
        return Download(name, entry.size, lambda out: api.cat(query, out, catalog))
    if entry.kind != EntryKind.DIRECTORY:
        raise UsageError("only files and directories are downloaded")
    request = api.RestoreRequest(catalog=catalog)

    def give(out: BinaryIO) -> object:
        return api.export_tar(query, out, request, _Whole())

    return Download(f"{name}.tar", None, give)


class _Whole(SilentMonitor):
    """Ends an archive at what cannot be read, for a browser shows no problems.  What could not be
    saved from the source is not there to be read, and the version says so."""

    def problem(self, problem: Problem) -> None:
        if problem.kind == "damaged":
            raise DamageError(problem.text, remedy="restore what is left")


class Tickets:
    """Downloads that may be fetched, each once and soon."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._inside = threading.Lock()
        self._waiting: dict[str, tuple[float, Download]] = {}

    def issue(self, download: Download) -> str:
        """The path to open.  Raises Refused where too many wait."""
        with self._inside:
            now = self._clock()
            self._waiting = {k: v for k, v in self._waiting.items() if v[0] > now}
            if len(self._waiting) >= TICKETS_MAX:
                raise Refused(429, "busy", "too many downloads wait to be fetched", "try again")
            secret = secrets.token_urlsafe(24)
            self._waiting[secret] = now + TICKET_SECONDS, download
        return f"{ONE_TIME}{secret}"

    def take(self, secret: str) -> Download:
        """Raises Refused for one that is not there, any more."""
        with self._inside:
            until, download = self._waiting.pop(secret, (0.0, None))
        if download is None or until <= self._clock():
            raise Refused(404, "notfound", "this download was fetched, or waited too long")
        return download


def answer_of(download: Download) -> StreamingResponse:
    """Never shown by the browser, whatever it holds: always a file to be kept."""
    name = quote(download.name.encode("utf-8", "surrogateescape"), safe="")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if download.size is not None:
        headers["content-length"] = str(download.size)
    return StreamingResponse(
        _pieces(download.give), media_type="application/octet-stream", headers=headers
    )


def _pieces(give: Give) -> Iterator[bytes]:
    """Through a pipe, so that no more is read than the browser takes.  Raises what `give` raised:
    the answer then breaks off, and the browser tells.  A browser that goes ends it before that."""
    reading, writing = os.pipe()
    faults: list[BaseException] = []

    def write() -> None:
        try:
            with open(writing, "wb") as out:
                give(out)
        except BaseException as fault:  # noqa: BLE001  raised where it is read
            faults.append(fault)

    writer = threading.Thread(target=write, name="download", daemon=True)
    writer.start()
    with open(reading, "rb", buffering=0) as pipe:
        while piece := pipe.read(PIECE_BYTES):
            yield piece
    # It has closed its end, so it says at once whether that was the end of all.
    writer.join()
    if faults:
        raise faults[0]
