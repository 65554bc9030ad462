"""Seeded data sets; the same seed gives the same bytes on every machine with the same Python.

L  8 files of 256 MiB, incompressible
T  8 files of 256 MiB of text, logs and binary records, about 2.5 times with zstd -3, no chunk twice
S  40,000 files, about 400 MiB, log-normal sizes (sigma 1.3), directories three deep, contents cut
   from this Python's own files
M  files of 256 MiB for the measure of memory: the same bytes under several names, as nobody looks
   for doubles there; written one by one, because hard links would be read once
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.prose import write_text

MIB = 1 << 20
GIB = 1 << 30
LARGE_FILES = 8
LARGE_BYTES = 256 * MIB
SMALL_FILES = 40_000
SMALL_BYTES_MEAN = 400 * MIB / SMALL_FILES
SMALL_SIGMA = 1.3
SMALL_BYTES_MAX = 8 * MIB
LEAVES = 800
"""Directories that hold the small files: 20 x 10 x 4."""


@dataclass(frozen=True, slots=True)
class DataSets:
    """Where the data sets lie, below a folder of their scale."""

    root: Path
    scale: float

    def large(self) -> Path:
        """L, made if it is not there."""
        return _made(self.root / "L", self._make_large)

    def small(self) -> Path:
        """S, made if it is not there."""
        return _made(self.root / "S", lambda folder: _make_small(folder, self._small_count))

    def text(self) -> Path:
        """T, made if it is not there."""
        return _made(self.root / "T", self._make_text)

    def memory(self, size_bytes: int) -> Path:
        """M of so many bytes, times the scale, made if it is not there."""
        files = max(1, round(size_bytes * self.scale / LARGE_BYTES))
        return _made(self.root / f"M{files}", lambda folder: _make_equal(folder, files))

    @property
    def _small_count(self) -> int:
        return max(100, int(SMALL_FILES * self.scale))

    def _make_large(self, folder: Path) -> None:
        for number in range(LARGE_FILES):
            with (folder / f"big{number}.bin").open("wb") as file:
                _write_random(file.fileno(), 1000 + number, self._large_bytes)

    def _make_text(self, folder: Path) -> None:
        for number in range(LARGE_FILES):
            with (folder / f"mix{number}.dat").open("wb") as file:
                write_text(file, 2000 + number, number, self._large_bytes)

    @property
    def _large_bytes(self) -> int:
        return max(16, int(LARGE_BYTES / MIB * self.scale) // 8 * 8) * MIB


def size_of(folder: Path) -> tuple[int, int]:
    """Files and bytes below a folder."""
    sizes = [
        os.lstat(os.path.join(where, name)).st_size
        for where, _, names in os.walk(folder)
        for name in names
    ]
    return len(sizes), sum(sizes)


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, which gets its name when it is complete."""
    if not folder.exists():
        half = folder.with_name(folder.name + ".part")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        make(half)
        half.rename(folder)
        os.sync()
    return folder


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _write_random(fd: int, seed: int, size: int) -> None:
    random = _rng(seed)
    for begin in range(0, size, 16 * MIB):
        os.write(fd, random.bytes(min(16 * MIB, size - begin)))


def _make_equal(folder: Path, files: int) -> None:
    content = _rng(4000).bytes(LARGE_BYTES)
    for number in range(files):
        (folder / f"same{number:03d}.bin").write_bytes(content)


def _make_small(folder: Path, count: int) -> None:
    random = _rng(3000)
    shift = np.log(SMALL_BYTES_MEAN) - SMALL_SIGMA * SMALL_SIGMA / 2
    drawn = random.lognormal(shift, SMALL_SIGMA, count).astype(int)
    source, pool = _python_files(), bytearray()
    for number, size in enumerate(np.clip(drawn, 1, SMALL_BYTES_MAX).tolist()):
        while len(pool) < size:
            pool += next(source, None) or random.bytes(MIB)
        leaf = number % LEAVES
        where = folder / f"d{leaf // 40:02d}" / f"e{leaf // 4 % 10}" / f"f{leaf % 4}"
        where.mkdir(parents=True, exist_ok=True)
        (where / f"x{number:05d}.dat").write_bytes(pool[:size])
        del pool[:size]


def _python_files() -> Iterator[bytes]:
    """Each file of this Python's installation once, in the order of names."""
    seen = set()
    for where, directories, names in os.walk(sys.base_prefix):
        directories.sort()
        for name in sorted(names):
            path = Path(where, name)
            if path.is_symlink() or not 200 < path.stat().st_size < 4 * MIB:
                continue
            content = path.read_bytes()
            digest = hashlib.blake2b(content, digest_size=8).digest()
            if digest not in seen:
                seen.add(digest)
                yield content
