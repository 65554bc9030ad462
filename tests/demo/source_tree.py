"""Real data for the demonstration: this Python's library, large files of it, odd entries."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

MIB = 1 << 20
BIG_FILES = 3
BIG_FILE_BYTES = 100 * MIB
SPARSE_BYTES = 256 * MIB


def make_source(root: Path) -> None:
    """Fills a new directory with about 400 MiB."""
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        root / "library",
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "__pycache__", "dist-packages"),
    )
    for number in range(BIG_FILES):
        _make_big_file(root / f"big{number}.bin", root / "library", number)
    _make_odd_entries(root / "odd", root / "big0.bin")


def _make_big_file(path: Path, library: Path, number: int) -> None:
    """The library's files one behind the other, no two big files beginning alike."""
    with path.open("wb") as file:
        file.write(number.to_bytes(8, "big"))
        for data in _contents(library):
            if file.tell() >= BIG_FILE_BYTES:
                return
            file.write(data)


def _contents(library: Path) -> Iterator[bytes]:
    names = sorted(path for path in library.rglob("*.py") if path.is_file())
    for path in cycle(names):
        yield path.read_bytes()


def _make_odd_entries(folder: Path, big: Path) -> None:
    """What a copy by hand tends to lose."""
    folder.mkdir()
    os.link(big, folder / "hard-link")
    os.symlink("../library/os.py", folder / "symlink")
    os.symlink("/nowhere/at all", folder / "dangling")
    os.mkfifo(folder / "fifo", 0o620)
    (folder / "empty").touch()
    (folder / "secret").write_text("owner only\n")
    os.chmod(folder / "secret", 0o400)
    os.utime(folder / "secret", ns=(1, -1_234_567_890))
    with open(os.fsencode(folder) + b"/not \xff utf-8\n", "wb") as file:
        file.write(b"names are bytes")
    _make_sparse_file(folder / "sparse")
    try:
        os.setxattr(folder / "empty", "user.colour", b"blue")
    except OSError as error:
        print(f"  (no extended attribute in this demonstration: {error.strerror})")


def _make_sparse_file(path: Path) -> None:
    with path.open("wb") as file:
        for place in (0, SPARSE_BYTES // 2, SPARSE_BYTES - MIB):
            file.seek(place)
            file.write(b"data between holes " * 1000)
        file.truncate(SPARSE_BYTES)
