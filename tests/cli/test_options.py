"""What people write behind options, and what is meant by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbackup.spec.endpoint import parse_endpoint
from flowbackup.units import counted, parse_duration, parse_rate, parse_size

DURATIONS = {
    "0": 0, "30s": 30, "5m": 300, "5 min": 300, "2h": 7200, "1h30m": 5400, "1d 2h 3m 4s": 93784,
    "1.5H": 5400, " 7s ": 7,
}  # fmt: skip


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_understood(text: str) -> None:
    assert parse_duration(text) == DURATIONS[text]


@pytest.mark.parametrize(
    "text", ["", " ", "5", "m", "-5m", "5x", "5m,", "inf", "nan", "1h30", "0s0"]
)
def test_what_is_no_duration_is_refused_by_what_was_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a (duration|unit of time)"):
        parse_duration(text)


SPACES = " " * 1_000_000


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_size, f"1{SPACES}!"), (parse_rate, f"1{SPACES}/ x"), (parse_rate, f"{SPACES}x"),
        (parse_duration, f"1{SPACES}!"), (parse_duration, "1s" * 1_000_000 + "!"),
        (parse_endpoint, f"a{SPACES}!"),
    ],
    ids=range(6),
)  # fmt: skip
def test_a_long_text_that_is_none_holds_nobody_up(
    parse: Callable[[str], object], text: str
) -> None:
    """Where the work grew with the square of the length, this ends in the limit of pytest."""
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 copies"), (1, "1 copy"), (2, "2 copies"), (11, "11 copies")]
)
def test_one_is_no_plural(number: int, words: str) -> None:
    assert counted(number, "copy", "copies") == words
    assert counted(number, "file") == words.replace("copies", "files").replace("copy", "file")
