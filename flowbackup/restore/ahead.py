"""What comes next in a restore of small files: their contents are checked in a thread, while the
files before them are made.  Making files is waiting for the kernel, checking them is arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import TypeVar

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest

T = TypeVar("T")
Checked = Mapping[ChunkRef, memoryview]

BATCH = 128
"""Entries: enough that waking a thread costs nothing, few enough to keep at most two frames."""
_NOTHING: Checked = MappingProxyType({})


class CheckedAhead:
    """Chunks that were checked before they are asked for.  Used by one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="check-ahead")
        self._present = _NOTHING
        self._next: Future[Checked] | None = None

    def begin(self, chunks: Sequence[tuple[ChunkRef, memoryview]]) -> None:
        """Begins to check these; those that were begun the last time can be had from now on."""
        under_way = self._next
        self._next = self._thread.submit(_sound, chunks) if chunks else None
        self._present = under_way.result() if under_way is not None else _NOTHING

    def found(self, ref: ChunkRef) -> memoryview | None:
        """The bytes of a chunk that was found sound; None for every other."""
        return self._present.get(ref)

    def close(self) -> None:
        """Safe to repeat."""
        self._thread.shutdown()


def batches(items: Iterable[T], on_next: Callable[[Sequence[T]], None]) -> Iterator[T]:
    """The items one by one; on_next sees each batch of them before the first of the batch in front
    of it is given.  What the items raise is raised behind the last that they gave."""
    waiting = iter(items)
    following, failure = _taken(waiting)
    while following:
        present, ended_by = following, failure
        following, failure = ([], None) if ended_by is not None else _taken(waiting)
        on_next(following)
        yield from present
        if ended_by is not None:
            raise ended_by
    if failure is not None:
        raise failure


def _taken(items: Iterator[T]) -> tuple[list[T], Exception | None]:
    taken: list[T] = []
    try:
        for item in items:
            taken.append(item)
            if len(taken) == BATCH:
                break
    except Exception as error:  # noqa: BLE001  raised by `batches` where it belongs
        return taken, error
    return taken, None


def _sound(chunks: Sequence[tuple[ChunkRef, memoryview]]) -> Checked:
    return {
        ref: data
        for ref, data in chunks
        if len(data) == ref.size and chunk_digest(data) == ref.digest
    }
