"""Batches of small files, and what the second process makes of them, in one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowbackup.model.digest import chunk_digest
from flowbackup.restore.second import process
from flowbackup.restore.second.batch import FILES_MAX, Batch, answer, files_of, missing_of
from flowbackup.restore.second.making import Making


def test_a_file_that_needs_a_word_in_the_report_is_taken_away_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = memoryview(bytearray(1 << 20))
    batch = Batch(memory, 0)
    batch.begin_directory(0)
    owner = (os.getuid(), os.getgid())
    for number, mtime_ns in enumerate((1, 2, 3)):
        content = memoryview(b"%d" % number)
        digest = chunk_digest(content)
        batch.add(b"f%d" % number, content, digest, 0o644, owner, mtime_ns)
    utime = os.utime

    def failing(place: int, *, ns: tuple[int, int]) -> None:
        if ns == (2, 2):
            raise PermissionError
        utime(place, ns=ns)

    monkeypatch.setattr(os, "utime", failing)
    directory = os.open(tmp_path, os.O_RDONLY)
    assert Making(memory).missing(batch.message(), [directory]) == [1]
    assert Making(memory).missing(batch.message(), [directory]) == [0, 1, 2], "names are taken"
    assert Making(memory).missing(batch.message(), []) == [0, 1, 2], "no directory came"
    os.close(directory)
    assert sorted(os.listdir(tmp_path)) == ["f0", "f2"]


def test_batches_come_back_as_they_were_filled() -> None:
    memory = memoryview(bytearray(3 << 20))
    batch = Batch(memory, 1 << 20)
    batch.begin_directory(7)
    batch.add(b"a\nb", memoryview(b"one"), b"d" * 32, 0o644, (1, 2), -5)
    batch.begin_directory(8)
    batch.add(b"\xff", memoryview(b""), b"e" * 32, 0o4755, (0, 2**32 - 2), 1 << 62)
    (first, one), (second, two) = files_of(batch.message())
    assert (first, second) == (b"a\nb", b"\xff")
    assert memory[one.place : one.place + one.size] == b"one"
    assert one[2:] == (0o644, 1, 2, 0, -5, b"d" * 32)
    assert two[1:] == (0, 0o4755, 0, 2**32 - 2, 1, 1 << 62, b"e" * 32)
    assert batch.directories == [7, 8]
    assert missing_of(answer([])) == set()
    assert missing_of(answer([3, 500])) == {3, 500}


def test_batches_are_bounded() -> None:
    batch = Batch(memoryview(bytearray(2 << 20)), 0)
    assert batch.has_room(1 << 20, elsewhere=True)
    assert not batch.has_room((1 << 20) + 1, elsewhere=False)
    for number in range(16):
        batch.begin_directory(number)
    assert not batch.has_room(0, elsewhere=True)
    assert batch.has_room(0, elsewhere=False)
    for _ in range(FILES_MAX):
        batch.add(b"n" * 255, memoryview(b""), bytes(32), 0, (0, 0), 0)
    assert not batch.has_room(0, elsewhere=False)
    assert len(batch.message()) <= process.MESSAGE_BYTES_MAX
