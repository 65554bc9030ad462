"""Memory that frames are read into: used again, but never under somebody's eyes."""

from __future__ import annotations

import ctypes

import pytest

from flowbackup.media.segments import memory as memory_module
from flowbackup.media.segments.memory import PIECES_FREE_MAX, FrameMemory, io_memory


def address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def test_a_piece_is_used_again_when_the_last_view_of_it_is_gone() -> None:
    memory = FrameMemory()
    view = memory.take(5000)
    first = address(view)
    view[50] = 7
    part = view[10:20]
    del view
    assert address(memory.take(5000)) != first
    del part
    # The piece that was given back last is the warmest.
    again = memory.take(100)
    assert (address(again), again[50]) == (first, 7), "new memory may have the same place"


def test_a_kernel_without_huge_pages_gives_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "_MADV_HUGEPAGE", 1 << 20)
    assert len(io_memory(4 << 20)) == 4 << 20


def test_pieces_begin_with_a_page_and_have_the_length_that_was_asked_for() -> None:
    memory = FrameMemory()
    for size in (1, 4096, 3 << 20, 7):
        view = memory.take(size)
        assert (len(view), address(view) % 4096) == (size, 0)
        view[:] = bytes(size)
        del view


def test_no_more_than_a_few_pieces_wait() -> None:
    memory = FrameMemory()
    views = [memory.take(1) for _ in range(3 * PIECES_FREE_MAX)]
    places = {address(view) for view in views}
    views.clear()
    again = [memory.take(1) for _ in range(2 * PIECES_FREE_MAX)]
    assert len({address(view) for view in again} & places) >= PIECES_FREE_MAX
    assert len({address(view) for view in again}) == 2 * PIECES_FREE_MAX
