"""Where content is cut into chunks by what it is (FastCDC, as of the paper of 2020)."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING

from flowbackup.errors import SourceError
from flowbackup.model.chunking import Chunking, ChunkingKind

if TYPE_CHECKING:
    from pyfastcdc import FastCDC


class ContentCutter:
    """Cuts runs of content.  Where it cuts follows from the content since the last cut alone, so a
    run may end anywhere: what is left of it is given again, at the beginning of the next."""

    def __init__(self, chunking: Chunking) -> None:
        """Raises SourceError where the fast library is missing."""
        self._cutter = _compiled()(
            chunking.size_bytes, min_size=chunking.min_bytes, max_size=chunking.max_bytes
        )
        self._max_bytes = chunking.max_bytes

    def sizes(self, content: memoryview, *, is_all: bool) -> list[int]:
        """The sizes of the chunks at the beginning of `content`; of what is left behind them nobody
        knows yet where it ends.  is_all: nothing follows, and the last chunk ends with it."""
        sizes = [cut.length for cut in self._cutter.cut_buf(content)]
        if sizes and not is_all and sizes[-1] < self._max_bytes:
            sizes.pop()
        return sizes


def _compiled() -> type[FastCDC]:
    """The library, which falls back to plain Python, a hundred times slower, where it must."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module("pyfastcdc")  # Most objects have no need of it.
    cutter: type[FastCDC] = module.FastCDC
    if not cutter.__module__.startswith("pyfastcdc.cy"):
        raise SourceError(
            "chunks by fastcdc need the compiled part of pyfastcdc, which is not installed",
            remedy="install pyfastcdc from a wheel, or write chunking: {kind: fixed}",
        )
    return cutter


def cutter_of(chunking: Chunking) -> ContentCutter | None:
    """None where content is cut at multiples of a size.  Raises SourceError."""
    return None if chunking.kind is ChunkingKind.FIXED else ContentCutter(chunking)
