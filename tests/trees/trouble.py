"""A program that changes a tree all the time, in every way, until its standard input ends.

    python trouble.py TREE OUTSIDE SEED COUNTER

Every file in TREE is a beginning of one of 200 patterns, whatever happens to it; OUTSIDE is a
folder to which links lead.  COUNTER is a file of eight bytes: how much it has done.  Says a line
when it has begun.
"""

from __future__ import annotations

import mmap
import os
import random
import select
import shutil
import sys

SIZE_MAX = 300_000
_NAMES = 12
_DEPTH_MAX = 4


def pattern(mark: int, size: int) -> bytes:
    """The first bytes of pattern `mark`, which is their first byte."""
    period = bytes((mark + step * 7) % 251 for step in range(251))
    return (period * (size // 251 + 1))[:size]


class Trouble:
    """The tree and the chance that rules it."""

    def __init__(self, tree: str, outside: str, seed: int) -> None:
        self._tree, self._outside = tree, outside
        self._chance = random.Random(seed)
        self.done = 0

    def step(self) -> None:
        """One change; what cannot be done now is not done."""
        try:
            self._chance.choice(_CHANGES)(self)
            self.done += 1
        except OSError:
            pass

    def _path(self) -> str:
        names = [f"n{self._chance.randrange(_NAMES)}" for _ in range(_DEPTH_MAX)]
        return os.path.join(self._tree, *names[: self._chance.randint(1, _DEPTH_MAX)])

    def _file(self) -> str:
        """A path where a regular file is."""
        for _ in range(50):
            path = self._path()
            if os.path.isfile(path) and not os.path.islink(path):
                return path
        raise FileNotFoundError

    def _directory(self) -> None:
        os.mkdir(self._path())

    def _create(self) -> None:
        self._write(self._path())

    def _write(self, path: str) -> None:
        mark = self._chance.randrange(200)
        size = int(SIZE_MAX ** self._chance.random())
        with open(path, "xb") as file:
            file.write(pattern(mark, size))

    def _grow(self) -> None:
        with open(self._file(), "r+b") as file:
            mark = file.read(1)
            size = file.seek(0, os.SEEK_END)
            more = self._chance.randrange(1, 50_000)
            if mark and size + more < SIZE_MAX:
                file.write(pattern(mark[0], size + more)[size:])

    def _shrink(self) -> None:
        path = self._file()
        os.truncate(path, os.path.getsize(path) // 2)

    def _replace(self) -> None:
        path = self._file()
        self._write(path + ".new")
        os.replace(path + ".new", path)

    def _rename(self) -> None:
        os.rename(self._path(), self._path())

    def _link(self) -> None:
        os.link(self._file(), self._path())

    def _remove(self) -> None:
        self._gone(self._path())

    def _gone(self, path: str) -> None:
        # rmtree opens what it is given, and would wait for ever for the other end of a FIFO.
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)

    def _swap(self) -> None:
        """What is there becomes something else under the same name."""
        path = self._path()
        os.rename(path, path + ".old")
        self._chance.choice((os.mkdir, os.mkfifo, self._write, self._lead_out))(path)
        self._gone(path + ".old")

    def _lead_out(self, path: str) -> None:
        os.symlink(self._outside, path)

    def _touch(self) -> None:
        os.utime(self._file())


_CHANGES = (
    Trouble._directory, Trouble._directory, Trouble._create, Trouble._create, Trouble._create,
    Trouble._grow, Trouble._grow, Trouble._shrink, Trouble._replace, Trouble._rename,
    Trouble._link, Trouble._remove, Trouble._swap, Trouble._touch,
)  # fmt: skip


def main(tree: str, outside: str, seed: str, counter: str) -> None:
    trouble = Trouble(tree, outside, int(seed))
    for _ in range(500):
        trouble.step()
    print("begun", flush=True)
    with open(counter, "r+b") as file, mmap.mmap(file.fileno(), 8) as done:
        while not select.select([sys.stdin], [], [], 0)[0]:
            for _ in range(20):
                trouble.step()
            done[:8] = trouble.done.to_bytes(8, "little")


if __name__ == "__main__":
    main(*sys.argv[1:])
