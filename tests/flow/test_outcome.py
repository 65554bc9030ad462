"""How objects and sessions end, and with which exit code."""

from __future__ import annotations

import pytest

from flowbackup.flow.outcome import ObjectEnd, end_object, end_session
from flowbackup.model.report import Outcome

GOOD, PART, BAD = Outcome.SUCCESS, Outcome.INCOMPLETE, Outcome.FAILED
FINE = ObjectEnd(GOOD, 2, False)
UNREAD = ObjectEnd(PART, 2, False)
COPY_MISSING = ObjectEnd(GOOD, 1, True)
NOWHERE = ObjectEnd(GOOD, 0, True)
UNREADABLE = ObjectEnd(BAD, 2, False)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [(FINE, GOOD), (UNREAD, PART), (COPY_MISSING, PART), (NOWHERE, BAD), (UNREADABLE, BAD)],
)
def test_outcome_of_an_object(end: ObjectEnd, outcome: Outcome) -> None:
    assert end.outcome is outcome


@pytest.mark.parametrize(
    ("durable", "copies", "complete", "missing"),
    [
        ({"a": 3, "b": 3}, 0, 2, False),
        ({"a": 3, "b": 2}, 0, 1, True),
        ({"a": 3, "b": 2, "c": 3}, 2, 2, False),
        ({"a": 3}, 2, 1, True),
        ({}, 0, 0, True),
    ],
)
def test_copies_of_an_object(
    durable: dict[str, int], copies: int, complete: int, missing: bool
) -> None:
    end = end_object(GOOD, 3, durable, required=["a", "b"], copies=copies)
    assert end == ObjectEnd(GOOD, complete, missing)


def test_an_object_of_no_frames_has_no_copies() -> None:
    assert end_object(GOOD, 0, {"a": 0}, ["a"], 0).outcome is BAD


@pytest.mark.parametrize(
    ("ends", "interrupted", "result"),
    [
        ([FINE, FINE], False, (GOOD, 0)),
        ([FINE, UNREAD], False, (PART, 3)),
        ([FINE, COPY_MISSING], False, (PART, 4)),
        ([UNREAD, COPY_MISSING], False, (PART, 3)),
        ([FINE, NOWHERE], False, (BAD, 1)),
        ([UNREAD, UNREADABLE], False, (BAD, 1)),
        ([], False, (BAD, 1)),
        ([FINE], True, (PART, 130)),
        ([FINE, NOWHERE], True, (BAD, 130)),
        ([], True, (BAD, 130)),
    ],
)
def test_end_of_a_session(
    ends: list[ObjectEnd], interrupted: bool, result: tuple[Outcome, int]
) -> None:
    assert end_session(ends, interrupted=interrupted) == result
