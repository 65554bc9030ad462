"""Versions keep their numbers on encrypted media, which tell no names of what is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judge import listed_here
from tests.runtime.history import History


@pytest.fixture
def history(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    history = History(memory_path, is_sealed=True)
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(history.passphrase))
    return history


def back_up(history: History, count: int) -> None:
    for _ in range(count):
        (history.source / "file").write_text(str(len(history.versions())) * 2000)
        history.backup()


def forget(history: History, *numbers: int) -> None:
    history.forget([f"tree@{number}" for number in numbers])
    history.prune()


def numbers(history: History) -> list[int]:
    return [version.number for version in history.versions()]


def assert_numbers(history: History, *expected: int) -> None:
    """Of a catalog made anew, and by a reader that shares no code."""
    history.rebuild()
    assert numbers(history) == [*expected]
    assert [line.name.rpartition("@")[2] for line in listed_here(history.media)] == [
        str(number) for number in expected
    ]


def test_they_stay(history: History) -> None:
    back_up(history, 4)
    forget(history, 1, 3)
    assert_numbers(history, 2, 4)


def test_also_when_what_they_were_beside_is_forgotten_in_its_turn(history: History) -> None:
    back_up(history, 3)
    forget(history, 1)
    back_up(history, 2)
    forget(history, 2, 3)
    back_up(history, 1)
    forget(history, 4, 5)
    assert_numbers(history, 6)
    back_up(history, 1)
    assert_numbers(history, 6, 7)
    forget(history, 6)
    assert_numbers(history, 7)


def test_no_name_is_told(history: History) -> None:
    back_up(history, 2)
    forget(history, 1)
    files = [*(history.media[0] / "segments").iterdir()]
    assert any(b'"forgotten"' in file.read_bytes() for file in files)
    assert not any(b'"tree"' in file.read_bytes() for file in files)
