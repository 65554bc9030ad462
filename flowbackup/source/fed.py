"""Sources that are no files and no commands, read through a pipe: a thread of its own writes into
it what the source gives, so that one which hangs is waited for no longer than a command.

The thread is in the process of the client, or in that of the program which gives a table.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from flowbackup.errors import SourceError
from flowbackup.source.port import Source
from flowbackup.source.stream import Pipe, Stream, StreamLimits, open_to_read

_GOOD = "good"
_TOLD_BYTES_MAX = 4096
"""What a pipe takes at once, whatever else is in it."""

_CHARACTERS_SHOWN = 2000


def feed(source: Source, ended: Callable[[str], None]) -> int:
    """Returns the reading end of a pipe, which is the caller's, and into which the source is
    written from now on, until nobody reads any more.  ended: is told "" for a good end or else why
    it broke off, in the thread that writes, before the pipe ends."""
    reading, writing = os.pipe()
    threading.Thread(
        target=_write, args=(source, writing, ended), name="source", daemon=True
    ).start()
    return reading


def _write(source: Source, writing: int, ended: Callable[[str], None]) -> None:
    told = "it was ended"
    try:
        with closing(source.pieces()) as pieces:
            for piece in pieces:
                if not _takes(writing, memoryview(piece).cast("B")):
                    return
        told = ""
    except BaseException as error:  # noqa: BLE001  what others have written ends its object only
        told = f"{type(error).__name__}: {error}"
    finally:
        ended(told)
        os.close(writing)


def _takes(writing: int, piece: memoryview) -> bool:
    """Writes it; False if nobody reads any more."""
    try:
        while piece:
            piece = piece[os.write(writing, piece) :]
    except BrokenPipeError:
        return False
    return True


class _Fed(Pipe):
    """What a source gives in this process; its end is good when that of the source is."""

    def __init__(self, source: Source, name: str, limits: StreamLimits) -> None:
        self._ends: list[str] = []
        super().__init__(feed(source, self._ends.append), name, limits)

    def fill(self, view: memoryview) -> int:
        got = super().fill(view)
        if got < len(view):
            _refuse_bad(self._name, self._ends[0])
        return got


class _Given(Pipe):
    """What another program gives, or this one; how it ended stands in a second pipe, which is not
    owned."""

    def __init__(self, descriptor: int, end: int, name: str, limits: StreamLimits) -> None:
        self._end = end
        self._told = ""
        super().__init__(descriptor, name, limits)

    def fill(self, view: memoryview) -> int:
        got = super().fill(view)
        if got < len(view):
            # The writer tells before its pipe ends: one that told nothing is dead.
            told = self._told or os.read(self._end, _TOLD_BYTES_MAX).decode(errors="replace")
            self._told = told or "its program has ended"
            _refuse_bad(self._name, "" if told == _GOOD else self._told)
        return got


def _refuse_bad(name: str, why: str) -> None:
    if why:
        raise SourceError(f"{name} broke off: {why[:_CHARACTERS_SHOWN]}")


@contextmanager
def open_source(source: Source, name: str, limits: StreamLimits) -> Iterator[Stream]:
    """Reads a source in this process; it is closed when this ends, however it does."""
    with closing(_Fed(source, name, limits)) as stream:
        yield stream


@contextmanager
def open_given(places: tuple[str, str], name: str, limits: StreamLimits) -> Iterator[Stream]:
    """Reads what stands open at places that `giving` told.  Raises SourceError."""
    of_bytes, of_end = places
    end = open_to_read(of_end, name)
    try:
        with closing(_Given(open_to_read(of_bytes, name), end, name, limits)) as stream:
            yield stream
    finally:
        os.close(end)


@contextmanager
def giving(sources: Mapping[str, Source]) -> Iterator[dict[str, tuple[str, str]]]:
    """Inside, each of them can be read once by a process of this user on this machine, at the
    places that are told: of its bytes, and of how they ended."""
    with ExitStack() as stack:
        places = {}
        for name, source in sources.items():
            told, telling = os.pipe()
            stack.callback(os.close, told)
            reading = feed(source, partial(_tell, telling))
            stack.callback(os.close, reading)
            places[name] = (f"/proc/{os.getpid()}/fd/{reading}", f"/proc/{os.getpid()}/fd/{told}")
        yield places


def _tell(telling: int, text: str) -> None:
    try:
        os.write(telling, (text or _GOOD).encode(errors="replace")[:_TOLD_BYTES_MAX])
    except BrokenPipeError:
        pass  # Nobody asks any more.
    finally:
        os.close(telling)
