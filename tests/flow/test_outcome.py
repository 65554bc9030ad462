"""How objects and sessions end, and with which exit code."""

from __future__ import annotations

import pytest

from flowbackup.flow.outcome import ObjectEnd, Share, end_copies, end_object, end_session
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


def share(name: str, durable: int, *, due: int = 3, required: bool = True) -> Share:
    """name: "group<head"."""
    group, head = name.split("<")
    return Share(group, head, required, due, durable)


CHAIN = {"a<a": 3, "b<a": 3}


@pytest.mark.parametrize(
    ("durable", "copies", "complete", "missing"),
    [
        (CHAIN, 0, 2, False),
        ({"a<a": 3, "b<a": 2}, 0, 1, True),
        ({"a<a": 3, "b<a": 2, "c<a": 3}, 2, 2, False),
        ({"a<a": 3}, 2, 1, True),
        ({}, 0, 0, True),
        ({}, 1, 0, True),
    ],
)
def test_copies_of_an_object(
    durable: dict[str, int], copies: int, complete: int, missing: bool
) -> None:
    shares = [share(name, frames) for name, frames in durable.items()]
    assert end_object(GOOD, shares, copies) == ObjectEnd(GOOD, complete, missing)


def test_a_group_that_spreads_an_object_has_one_copy_together() -> None:
    spread = [share("a<one", 3), share("a<two", 5, due=5)]
    assert end_object(GOOD, spread, 0) == ObjectEnd(GOOD, 1, False)
    torn = [share("a<one", 3), share("a<two", 4, due=5)]
    assert end_object(GOOD, torn, 0) == ObjectEnd(GOOD, 0, True)


def test_parts_of_two_mirrors_do_not_make_one_copy() -> None:
    """Both hold two thirds: more frames than the object has, and not one whole copy."""
    head = share("a<a", 3)
    assert end_object(GOOD, [head, share("b<a", 2), share("b<a", 2)], 0).copies_durable == 1
    assert end_object(GOOD, [head, share("b<a", 3), share("b<a", 3)], 0).copies_durable == 3


def test_a_mirror_behind_one_of_two_heads_is_no_copy() -> None:
    shares = [share("a<one", 3), share("a<two", 3), share("b<one", 3)]
    assert end_object(GOOD, shares, 0).copies_durable == 1


def test_a_head_that_got_nothing_lacks_nothing() -> None:
    shares = [share("a<one", 3), share("a<two", 0, due=0)]
    assert end_object(GOOD, shares, 0) == ObjectEnd(GOOD, 1, False)


def test_an_optional_mirror_may_miss_frames() -> None:
    shares = [share("a<a", 3), share("b<a", 1, required=False)]
    assert end_object(GOOD, shares, 0) == ObjectEnd(GOOD, 1, False)


def test_an_object_of_no_frames_has_no_copies() -> None:
    assert end_object(GOOD, [share("a<a", 0, due=0)], 0).outcome is BAD


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


def test_a_medium_that_could_not_be_sealed_changes_the_exit_code() -> None:
    assert end_session([FINE], all_sealed=False) == (PART, 4)
    assert end_session([UNREAD], all_sealed=False) == (PART, 3)
    assert end_session([NOWHERE], all_sealed=False) == (BAD, 1)


@pytest.mark.parametrize(
    ("versions", "settings", "ended"),
    [
        ((), {}, (GOOD, 0)),
        ((GOOD, GOOD), {}, (GOOD, 0)),
        ((GOOD, PART), {}, (PART, 4)),
        ((GOOD,), {"all_sealed": False}, (PART, 4)),
        ((PART, BAD), {}, (BAD, 1)),
        ((GOOD, BAD), {"interrupted": True}, (PART, 130)),
    ],
)
def test_the_end_of_a_session_of_copies(
    versions: tuple[Outcome, ...], settings: dict[str, bool], ended: tuple[Outcome, int]
) -> None:
    assert end_copies(versions, **settings) == ended
