"""Bare direct writers: the limit that a disk sets.

python -m tests.bench.bare [--reserve] BYTES CONTENT FILE...

Writes BYTES to each FILE at once, one process for each: O_DIRECT, 8 MiB a call, from page-aligned
memory that holds CONTENT and was touched before the clock started, fdatasync after every 32 MiB.
Prints the seconds from the first write to the last sync.
"""

from __future__ import annotations

import argparse
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MIB = 1 << 20
WRITE_BYTES = 8 * MIB
SYNC_BYTES = 32 * MIB
CONTENT_BYTES_MAX = 256 * MIB
"""Larger sets are written from the same memory again."""


def bare_seconds(
    size_bytes: int, content: Path, files: Sequence[Path], *, reserve: bool = False
) -> float:  # fmt: skip
    """Runs this program.  Raises CalledProcessError."""
    words = [sys.executable, "-m", "tests.bench.bare", *(["--reserve"] if reserve else [])]
    words += [str(size_bytes), str(content), *map(str, files)]
    return float(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def load(content: Path) -> mmap.mmap:
    """Shared memory with the first bytes of a file, whole writes of them."""
    size = min(content.stat().st_size, CONTENT_BYTES_MAX) // WRITE_BYTES * WRITE_BYTES
    memory = mmap.mmap(-1, size, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
    with content.open("rb", buffering=0) as file:
        file.readinto(memory)
    return memory


def write(path: Path, memory: mmap.mmap, size_bytes: int, *, reserve: bool) -> None:
    """One writer: the whole file, durable."""
    view = memoryview(memory)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DIRECT, 0o600)
    if reserve:
        os.posix_fallocate(fd, 0, size_bytes)
    done = unsynced = 0
    while done < size_bytes:
        begin = done % len(memory)
        count = os.pwrite(fd, view[begin : begin + min(WRITE_BYTES, size_bytes - done)], done)
        done += count
        unsynced += count
        if unsynced >= SYNC_BYTES:
            os.fdatasync(fd)
            unsynced = 0
    os.fdatasync(fd)
    os.close(fd)


def race(paths: Sequence[Path], memory: mmap.mmap, size_bytes: int, *, reserve: bool) -> float:
    """All writers from one start; seconds until the last has ended.  Raises OSError."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    children = []
    for path in paths:
        child = os.fork()
        if child == 0:
            sum(memory[:: mmap.PAGESIZE])  # every page stands in this process's tables
            os.write(ready_write, b"r")
            os.read(go_read, 1)
            write(path, memory, size_bytes, reserve=reserve)
            os._exit(0)
        children.append(child)
    for _ in children:
        os.read(ready_read, 1)
    started = time.perf_counter()
    os.write(go_write, b"g" * len(children))
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    seconds = time.perf_counter() - started
    if failed:
        raise OSError(f"{len(failed)} of {len(children)} writers failed")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reserve", action="store_true", help="fallocate each file first")
    parser.add_argument("bytes", type=int)
    parser.add_argument("content", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    memory = load(options.content)
    print(race(options.files, memory, options.bytes, reserve=options.reserve))
    return 0


if __name__ == "__main__":
    sys.exit(main())
