"""Target F8 without Ray: at every moment of a session one of its processes dies.

A moment is between any two events: a frame is read, offered, written, released; a commit is made,
or told.  What holds then: the source is read once; each device has each frame once, in order, also
if the power fails at the end; nothing acknowledged is lost; no credit is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from random import Random

import pytest

from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.outbox import Outbox
from flowbackup.media.devices import directory
from flowbackup.media.segments.reader import MediumReader
from tests.faults.parallel import in_folder, shared_out
from tests.faults.pipeline import STAGES
from tests.faults.seam_cases import Blow, Case, SeamCases
from tests.faults.seam_faults import OF_ALL, OF_ONE_LEVEL, Break
from tests.targets import Target

KINDS = [*product(OF_ONE_LEVEL, range(len(STAGES))), *((kind, 0) for kind in OF_ALL)]
PAIRS = 400
LATER_EACH = 4
AT_EACH = "a process dies at each moment: source read once, effect once"
AT_SOME = "a process dies at some moments: source read once, effect once"
LATER = "the same where the last level was attached in the middle"
AT_CALLS = "a media agent dies at each of its system calls and is restarted: effect once"
TWO = "two processes die at random moments: source read once, effect once"


def check(folder: Path, cases: Sequence[Case]) -> int:
    seam = SeamCases(folder)
    for case in cases:
        seam.check(case)
    return len(cases)


def moments(folder: Path, _: Sequence[Case]) -> list[Case]:
    """One process dies, at each moment, of each kind, at each level."""
    count = len(SeamCases(folder).moments())
    return [Case((Blow(moment, *kind),)) for moment in range(count) for kind in KINDS]


def later(cases: Sequence[Case]) -> list[Case]:
    """Some of them, with a level that is attached in the middle: long before, or at that moment."""
    return [
        case._replace(attach_at=1 + case.blows[0].moment // divisor)
        for number, case in enumerate(cases[::LATER_EACH])
        for divisor in [1 + number % 3]
    ]


def pairs(cases: Sequence[Case]) -> list[Case]:
    random = Random(1)
    return [
        Case(tuple(case.blows[0] for case in random.sample(cases, 2)))
        for _ in range(PAIRS)
    ]  # fmt: skip


def calls(folder: Path, _: Sequence[Case]) -> list[Case]:
    """A media agent dies at each of its system calls."""
    counts = SeamCases(folder).calls()
    return [Case(stop_at=(n, call + 1)) for n, count in enumerate(counts) for call in range(count)]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return in_folder(moments, [])


def test_some_moments(cases: list[Case], target: Target) -> None:
    chosen = Random(1).sample([*cases, *later(cases), *pairs(cases)], 50)
    chosen += in_folder(calls, [])[::3]
    target("F8", cases=in_folder(check, chosen), text=AT_SOME)


@pytest.mark.slow
def test_every_moment(cases: list[Case], target: Target) -> None:
    target("F8", cases=sum(shared_out(check, cases)), text=AT_EACH)


@pytest.mark.slow
def test_moments_with_a_level_that_came_later(cases: list[Case], target: Target) -> None:
    target("F8", cases=sum(shared_out(check, later(cases))), text=LATER)


@pytest.mark.slow
def test_every_call(target: Target) -> None:
    target("F8", cases=sum(shared_out(check, in_folder(calls, []))), text=AT_CALLS)


@pytest.mark.slow
def test_two_moments(cases: list[Case], target: Target) -> None:
    target("F8", cases=sum(shared_out(check, pairs(cases))), text=TWO)


# Machines and readers that are wrong.  Each must be caught, or the cases show nothing.


def hears_writers_of_any_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    committed = BufferMachine.committed
    monkeypatch.setattr(
        BufferMachine, "committed",
        lambda machine, frames, epoch: committed(machine, frames, machine.device_epoch),
    )  # fmt: skip


def believes_any_self_of_a_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Outbox.release
    monkeypatch.setattr(
        Outbox, "release", lambda outbox, frame, epoch: release(outbox, frame, outbox.epoch)
    )


def writes_again_what_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    restarted = BufferMachine.device_restarted
    monkeypatch.setattr(
        BufferMachine, "device_restarted",
        lambda machine, epoch, durable, now: restarted(machine, epoch, (), now),
    )  # fmt: skip


def adopts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    detached = BufferMachine.successor_detached
    monkeypatch.setattr(
        BufferMachine, "successor_detached",
        lambda machine, edge, heirs=(): detached(machine, edge),
    )  # fmt: skip


def believes_what_was_not_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        MediumReader, "_settled",
        lambda reader, file: reader.segment(file.segment, file.epoch, sealed=file.sealed),
    )  # fmt: skip
    monkeypatch.setattr(directory, "cut_back", lambda *_: 0)


@pytest.mark.parametrize(
    ("breaks", "kind", "level"),
    [
        (hears_writers_of_any_epoch, Break.AGENT_ZOMBIE, 2),
        (believes_any_self_of_a_receiver, Break.BUFFER_ZOMBIE, 2),
        (writes_again_what_the_device_has, Break.BUFFER, 0),
        (adopts_nobody, Break.BUFFER_GONE, 1),
        (believes_what_was_not_synced, None, 0),
    ],
)
def test_what_is_wrong_is_caught(
    breaks: Callable[[pytest.MonkeyPatch], None], kind: Break | None, level: int,
    cases: list[Case], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chosen = [case for case in cases if case.blows[0][1:] == (kind, level)]
    chosen = chosen or in_folder(calls, [])
    breaks(monkeypatch)
    with pytest.raises(AssertionError):
        in_folder(check, Random(1).sample(chosen, len(chosen)))
