"""The user's word, and what it does to those who wait."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from flowbackup.errors import InterruptedSessionError
from flowbackup.runtime.cancel import Cancel, Part, Word
from flowbackup.runtime.signals import cancelled_by_signals


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cancel(clock: Clock) -> Cancel:
    return Cancel(clock)


def test_without_a_word_everybody_has_his_time(cancel: Cancel) -> None:
    assert [cancel.latest(part, 900.0) for part in Part] == [900.0] * len(Part)
    assert (cancel.word, cancel.is_told, cancel.is_now) == (Word.NONE, False, False)
    cancel.refuse("anything")


def test_the_first_word_lets_what_is_short_come_to_its_end(cancel: Cancel, clock: Clock) -> None:
    cancel.tell()
    assert cancel.word is Word.DRAIN
    clock.now += Part.READ.value[0]
    assert cancel.word is Word.CUT and not cancel.is_now
    assert cancel.latest(Part.SEAL, 900.0) == 100.0 + Part.SEAL.value[0]
    assert cancel.latest(Part.SEAL, 101.0) == 101.0, "a word makes no wait longer"


def test_the_second_word_counts_from_its_own_moment(cancel: Cancel, clock: Clock) -> None:
    cancel.tell()
    clock.now += 0.3
    cancel.tell()
    assert (cancel.word, cancel.is_now) == (Word.CUT, True)
    assert cancel.latest(Part.LEAVE, 900.0) == pytest.approx(100.3 + Part.LEAVE.value[1])
    clock.now += 5
    cancel.tell()
    cancel.tell(at_once=True)
    assert cancel.latest(Part.LEAVE, 900.0) == pytest.approx(100.3 + Part.LEAVE.value[1])


def test_a_late_second_word_gives_nobody_more_time(cancel: Cancel, clock: Clock) -> None:
    cancel.tell()
    clock.now += Part.LEAVE.value[0]
    cancel.tell()
    assert cancel.latest(Part.LEAVE, 900.0) == 100.0 + Part.LEAVE.value[0]


def test_at_once_is_both_words(cancel: Cancel) -> None:
    cancel.tell(at_once=True)
    assert (cancel.word, cancel.is_now) == (Word.CUT, True)


def test_hooks_behind_a_session_have_their_time_behind_the_first_word_only(
    cancel: Cancel, clock: Clock
) -> None:
    assert not cancel.is_over
    cancel.tell()
    clock.now += 4.9
    assert not cancel.is_over
    clock.now += 0.1
    assert cancel.is_over
    at_once = Cancel(clock)
    at_once.tell(at_once=True)
    assert at_once.is_over


def test_parts_end_one_behind_the_other_within_the_target() -> None:
    for word, target in ((0, 3.0), (1, 1.0)):
        ends = [part.value[word] for part in Part]
        assert ends == sorted(ends) and ends[-1] < target


def test_nothing_is_begun_behind_a_word(cancel: Cancel) -> None:
    cancel.tell()
    with pytest.raises(InterruptedSessionError, match="interrupted before anything was written"):
        cancel.refuse("anything was written")


def test_what_cannot_look_is_interrupted(cancel: Cancel) -> None:
    with cancel.interruptible(2):
        cancel.tell()
        with pytest.raises(KeyboardInterrupt):
            cancel.tell()
    cancel.tell()
    with pytest.raises(KeyboardInterrupt), cancel.interruptible(1):
        pytest.fail("it was told before")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_words_as_long_as_somebody_hears_them(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with cancelled_by_signals() as cancel:
        os.kill(os.getpid(), number)
        assert cancel.is_told and not cancel.is_now
        os.kill(os.getpid(), number)
        assert cancel.is_now
    assert signal.getsignal(number) is before


def test_another_thread_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def look() -> None:
        with cancelled_by_signals() as cancel:
            seen.append((signal.getsignal(signal.SIGINT), cancel.is_told))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    assert seen == [(before, False)]
