"""A successor that comes in the middle: what it is owed, and what its absence must not cost."""

from __future__ import annotations

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.flow.actions import Action, Break, Forward, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.lag import is_behind
from flowbackup.flow.outbox import NEVER, Outbox
from flowbackup.flow.sender import Lane, SenderMachine, in_place
from flowbackup.flow.window import WindowStatistics
from flowbackup.model.frame import FrameDescriptor
from tests.flow.parts import SESSION, buffer, frame, identity


def offer(machine: BufferMachine, sent: FrameDescriptor, floor: int = 0) -> list[Action]:
    return machine.offered("in", 0, floor, sent, 0.0)


def filled(count: int, *successors: str) -> BufferMachine:
    machine = buffer(*successors)
    for sequence in range(count):
        offer(machine, frame(sequence), floor=sequence)
    return machine


def test_the_border_lies_behind_what_was_accepted_and_behind_what_the_source_has_sent() -> None:
    machine = filled(3)
    outbox = Outbox("new")
    owed = machine.successor_attached(outbox, {0: 2, 1: 7})
    assert owed == outbox.begins == {0: 3, 1: 7}
    assert offer(machine, frame(3), floor=3) == [Forward("new", 0, 0, frame(3)), Write(frame(3))]
    # Sent before the border was asked for, and late.
    late = frame(6, stream=1)
    assert offer(machine, late) == [Write(late)]


def test_what_it_is_not_owed_waits_for_the_others_only() -> None:
    machine = filled(2)
    machine.successor_attached(Outbox("new"), {0: 1})
    offer(machine, frame(2), floor=2)
    assert machine.committed([identity(i) for i in range(3)], 0) == [
        Release("in", 0, identity(0)), Release("in", 0, identity(1)),
    ]  # fmt: skip
    assert machine.released("new", identity(2), 0) == [Release("in", 0, identity(2))]


def test_nothing_of_a_stream_whose_source_is_lost_is_owed() -> None:
    machine = filled(1)
    machine.successor_attached(Outbox("new"), {0: NEVER})
    assert offer(machine, frame(1), floor=1) == [Write(frame(1))]


def test_it_cannot_save_what_it_never_got() -> None:
    machine = filled(1)
    machine.successor_attached(Outbox("new"), {0: 1})
    assert [type(action) for action in machine.device_failed()] == [Break]


def test_its_next_predecessor_keeps_the_same_border() -> None:
    """Another self, or an heir, gets frames again that the newcomer has never seen."""
    begins = {0: 2}
    again = buffer(Outbox("new", begins=begins))
    assert offer(again, frame(0)) == [Write(frame(0))]
    grandparent = filled(3, "lost")
    actions = grandparent.successor_detached("lost", [Outbox("new", begins=begins)])
    assert actions == [Forward("new", 0, 0, frame(2))]


def test_an_edge_is_attached_once_and_to_an_agent_that_can_keep_its_promise() -> None:
    machine = buffer("b")
    with pytest.raises(ProtocolError, match="b cannot be attached: it is there already"):
        machine.successor_attached(Outbox("b"), {})
    broken = buffer()
    broken.device_failed()
    with pytest.raises(ProtocolError, match="broken"):
        broken.successor_attached(Outbox("new"), {})


def test_a_source_tells_of_each_stream_what_comes_next() -> None:
    machine = SenderMachine(SESSION, [Lane("x", 4, 0, 2), Lane("y", 5, 0, 2)],
                            {"x": in_place(range(2)), "y": in_place(range(2))})  # fmt: skip
    lent = machine.lend(["x"])
    assert lent is not None
    assert machine.next_sequences() == {4: 0, 5: 0}, "what is being filled has not been sent"
    machine.filled(frame(0, stream=4, slot=lent.slot))
    assert machine.next_sequences() == {4: 1, 5: 0}


def test_a_lag_is_what_the_agent_itself_has_done_and_the_successor_has_not() -> None:
    machine = filled(3, "b", "c")
    assert machine.statistics(0.0).lags == (("b", 0), ("c", 0))
    machine.committed([identity(0), identity(1)], 0)
    machine.released("c", identity(0), 0)
    assert machine.statistics(0.0).lags == (("b", 20), ("c", 10))
    machine.device_failed()
    assert machine.statistics(0.0).lags == (("b", 30), ("c", 20)), "it relays only"


@pytest.mark.parametrize(
    ("lag", "lag_max", "slots_used", "bytes_used", "verdict"),
    [
        (0, 0, 8, 800, False), (400, 0, 8, 800, False), (401, 0, 8, 800, True),
        (800, 0, 7, 800, False), (300, 300, 4, 800, False), (301, 300, 4, 800, True),
        (401, 5000, 8, 800, True), (401, 5000, 7, 800, False),
    ],
)  # fmt: skip
def test_too_far_behind_is_over_the_limit_or_most_of_a_full_memory(
    lag: int, lag_max: int, slots_used: int, bytes_used: int, verdict: bool
) -> None:
    window = WindowStatistics(slots_used, 8, 8, bytes_used, 800, 800)
    assert is_behind(lag, lag_max, window) is verdict
