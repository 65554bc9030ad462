"""The rules of one buffer, one by one.  Edges: `in` leads here, `b` and `c` lead on."""

from __future__ import annotations

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.outbox import Outbox
from flowbackup.model.frame import FrameDescriptor, FrameKind, Route
from tests.flow.parts import buffer, frame, identity


def offer(
    machine: BufferMachine, sent: FrameDescriptor, *, edge: str = "in", epoch: int = 0,
    floor: int = 0, now: float = 0.0,
) -> list[Action]:  # fmt: skip
    return machine.offered(edge, epoch, floor, sent, now)


def kinds(actions: list[Action]) -> list[type]:
    return [type(action) for action in actions]


def release(sequence: int, edge: str = "in", epoch: int = 0) -> Release:
    return Release(edge, epoch, identity(sequence))


# Release rule and commit.


def test_forwarding_does_not_wait_for_writing() -> None:
    machine = buffer("b")
    assert offer(machine, frame(0)) == [Forward("b", 0, 0, frame(0)), Write(frame(0))]


@pytest.mark.parametrize("device_first", [True, False])
def test_released_when_durable_here_and_released_by_every_successor(device_first: bool) -> None:
    machine = buffer("b", "c")
    offer(machine, frame(0))
    assert machine.released("b", identity(0), 0) == []
    if device_first:
        assert machine.committed([identity(0)], 0) == []
        assert machine.released("c", identity(0), 0) == [release(0)]
    else:
        assert machine.released("c", identity(0), 0) == []
        assert machine.committed([identity(0)], 0) == [release(0)]
    assert machine.is_empty and machine.statistics(0.0).window.slots_used == 0


def test_a_commit_follows_enough_bytes() -> None:
    machine = buffer(sync_bytes=20)
    assert kinds(offer(machine, frame(0))) == [Write]
    assert kinds(offer(machine, frame(1))) == [Write, Commit]
    assert kinds(offer(machine, frame(2))) == [Write]


def test_a_commit_follows_enough_time() -> None:
    machine = buffer()
    offer(machine, frame(0), now=1.0)
    assert machine.ticked(1.4) == []
    assert machine.ticked(1.5) == [Commit()]
    assert machine.ticked(9.0) == []


def test_a_commit_follows_the_end_of_an_object() -> None:
    machine = buffer()
    offer(machine, frame(0))
    assert kinds(offer(machine, frame(1, kind=FrameKind.CATALOG))) == [Write, Commit]


def test_a_commit_follows_when_the_window_is_full() -> None:
    machine = buffer(slots=2)
    assert kinds(offer(machine, frame(0))) == [Write]
    assert kinds(offer(machine, frame(1))) == [Write, Commit]


def test_what_is_committed_already_is_not_committed_again() -> None:
    """Bytes, the end of an object and a full window may all call for a commit at a time."""
    machine = buffer(slots=1, sync_bytes=10)
    assert kinds(offer(machine, frame(0, kind=FrameKind.CATALOG))) == [Write, Commit]


def test_more_than_the_credit_is_an_error_and_changes_nothing() -> None:
    machine = buffer(slots=1)
    offer(machine, frame(0))
    with pytest.raises(ProtocolError, match="exceeds the credit"):
        offer(machine, frame(1))
    assert machine.expected(0) == 1
    machine.committed([identity(0)], 0)
    assert kinds(offer(machine, frame(1))) == [Write, Commit]


# Sequence.


def test_a_double_is_acknowledged_again_and_has_no_effect() -> None:
    machine = buffer("b")
    offer(machine, frame(0))
    assert offer(machine, frame(0)) == []
    machine.committed([identity(0)], 0)
    machine.released("b", identity(0), 0)
    assert offer(machine, frame(0)) == [release(0)]
    assert machine.statistics(0.0).doubles == 2


def test_the_same_sequence_with_another_digest_stops_the_session() -> None:
    machine = buffer()
    offer(machine, frame(0))
    (refusal,) = offer(machine, frame(0, digest=b"another"))
    assert isinstance(refusal, Refuse) and refusal.fatal
    assert "another digest" in refusal.reason


def test_a_gap_is_asked_for_once_and_again_for_what_was_dropped() -> None:
    machine = buffer()
    assert offer(machine, frame(1), floor=1) == [Ask("in", 0, 0, 0)]
    assert offer(machine, frame(2), floor=2) == []
    assert offer(machine, frame(0)) == [Ask("in", 0, 0, 1), Write(frame(0))]
    assert kinds(offer(machine, frame(1), floor=1)) == [Write]
    assert machine.statistics(0.0).gaps == 2


def test_an_object_id_is_taken_once() -> None:
    machine = buffer()
    offer(machine, frame(0, kind=FrameKind.CATALOG))
    (refusal,) = offer(machine, frame(1))
    assert isinstance(refusal, Refuse) and refusal.fatal and "object id" in refusal.reason
    assert kinds(offer(machine, frame(1, object_number=1))) == [Write]


# Epochs.


def test_a_replaced_predecessor_is_not_heard() -> None:
    machine = buffer()
    machine.predecessor_restarted("in", 2)
    machine.predecessor_restarted("in", 1)
    (refusal,) = offer(machine, frame(0), epoch=1)
    assert isinstance(refusal, Refuse) and not refusal.fatal
    assert machine.is_empty and machine.statistics(0.0).refused == 1
    assert kinds(offer(machine, frame(0), epoch=2)) == [Write]


def test_a_higher_epoch_of_the_predecessor_announces_itself() -> None:
    machine = buffer()
    assert kinds(offer(machine, frame(0), epoch=1)) == [Write]
    assert kinds(offer(machine, frame(1), epoch=0)) == [Refuse]


def test_only_the_present_self_of_a_predecessor_is_heeded() -> None:
    machine = buffer()
    assert machine.heeds("in", 0)
    machine.predecessor_restarted("in", 2)
    assert [machine.heeds("in", epoch) for epoch in (0, 1, 2, 3)] == [False, False, True, True]


def test_a_replaced_successor_is_not_believed() -> None:
    machine = buffer("b")
    offer(machine, frame(0))
    machine.committed([identity(0)], 0)
    assert machine.successor_restarted("b", 1) == [Forward("b", 1, 0, frame(0))]
    assert machine.successor_restarted("b", 1) == []
    assert machine.released("b", identity(0), 0) == []
    assert machine.asked("b", 0, 0, epoch=0) == []
    assert machine.asked("b", 0, 0, epoch=1) == [Forward("b", 1, 0, frame(0))]
    assert machine.released("b", identity(0), 1) == [release(0)]


def test_a_replaced_writer_is_not_believed() -> None:
    machine = buffer()
    for sequence in range(3):
        offer(machine, frame(sequence))
    actions = machine.device_restarted(1, [identity(0)], 0.0)
    assert actions == [release(0), Write(frame(1)), Write(frame(2))]
    assert machine.device_restarted(1, [identity(1)], 0.0) == []
    assert machine.committed([identity(1)], 0) == []
    assert machine.device_failed(epoch=0) == [] and machine.device_alive
    assert machine.committed([identity(1)], 1) == [release(1)]


def test_a_restarted_buffer_writes_only_what_its_device_lacks() -> None:
    machine = buffer("b", epoch=1, durable=(identity(4),))
    assert offer(machine, frame(4)) == [Forward("b", 0, 0, frame(4))]
    assert machine.released("b", identity(4), 0) == [release(4, epoch=1)]
    assert kinds(offer(machine, frame(5), floor=5)) == [Forward, Write]


# What breaks.


def test_what_a_replaced_writer_says_of_its_end_is_not_heard() -> None:
    machine = buffer("b")
    machine.device_restarted(1, (), 0.0)
    offer(machine, frame(0))
    assert machine.device_failed(0) == [] and machine.device_alive
    machine.device_failed(1)
    assert not machine.device_alive


def test_without_its_device_it_relays() -> None:
    machine = buffer("b")
    offer(machine, frame(0))
    offer(machine, frame(1))
    machine.released("b", identity(0), 0)
    assert machine.device_failed() == [release(0)]
    assert machine.committed([identity(1)], 0) == []
    assert machine.released("b", identity(1), 0) == [release(1)]
    assert kinds(offer(machine, frame(2), floor=2)) == [Forward]


def test_without_device_and_successor_it_breaks_once_and_releases_nothing() -> None:
    machine = buffer()
    offer(machine, frame(0))
    assert kinds(machine.device_failed()) == [Break]
    assert machine.device_failed() == [] and machine.broken
    assert kinds(offer(machine, frame(1), floor=1)) == [Refuse]
    assert not machine.is_empty


def test_with_nothing_in_its_slots_it_breaks_as_soon_as_nothing_is_left_to_it() -> None:
    assert kinds(buffer().device_failed()) == [Break]
    machine = buffer("b")
    assert machine.device_failed() == []
    assert kinds(machine.successor_detached("b")) == [Break]


def test_a_broken_agent_releases_nothing_more() -> None:
    machine = buffer(Outbox("b", {0}))
    offer(machine, frame(0))
    offer(machine, frame(0, stream=1))
    machine.committed([identity(0)], 0)
    assert kinds(machine.device_failed()) == [Break]
    assert machine.released("b", identity(0), 0) == []
    assert machine.holds(identity(0))


def test_a_frame_that_only_the_failed_device_was_to_have_breaks() -> None:
    machine = buffer(Outbox("b", {0}))
    offer(machine, frame(0, stream=1))
    assert kinds(machine.device_failed()) == [Break]


def test_what_a_dead_device_reports_saves_no_frame() -> None:
    machine = buffer("b", Outbox("elsewhere", {9}))
    offer(machine, frame(0))
    machine.device_failed()
    machine.committed([identity(0)], 0)
    assert kinds(machine.successor_detached("b")) == [Break]


def test_a_stale_release_saves_no_frame() -> None:
    machine = buffer("b", "c", Outbox("elsewhere", {9}))
    offer(machine, frame(0))
    machine.successor_restarted("b", 1)
    machine.released("b", identity(0), 0)
    machine.device_failed()
    machine.successor_detached("b")
    assert machine.statistics(0.0).waiting_for == "c"
    assert kinds(machine.successor_detached("c")) == [Break]


def test_a_detached_successor_is_waited_for_no_more() -> None:
    machine = buffer("b", "c")
    offer(machine, frame(0))
    machine.committed([identity(0)], 0)
    machine.released("b", identity(0), 0)
    assert machine.successor_detached("c") == [release(0)]
    assert machine.successor_detached("c") == []
    assert machine.released("c", identity(0), 0) == []
    assert machine.asked("c", 0, 0, epoch=0) == machine.successor_restarted("c", 1) == []
    assert machine.successor_detached("b") == [] and not machine.broken


def test_heirs_get_what_the_lost_one_owed_of_their_streams() -> None:
    machine = buffer("b")
    for sequence, stream in ((0, 0), (1, 0), (0, 1)):
        offer(machine, frame(sequence, stream=stream))
    machine.committed([identity(0), identity(1), identity(0, stream=1)], 0)
    machine.released("b", identity(0), 0)
    actions = machine.successor_detached("b", [Outbox("a>c", {0}, epoch=4)])
    assert actions == [Forward("a>c", 4, 0, frame(1)), Release("in", 0, identity(0, stream=1))]
    assert machine.released("a>c", identity(1), 4) == [release(1)]


def test_an_adopted_buffer_answers_its_heir_whoever_else_speaks_up() -> None:
    machine = buffer()
    offer(machine, frame(0), edge="old")
    offer(machine, frame(0), edge="new")
    offer(machine, frame(0), edge="old")
    assert machine.committed([identity(0)], 0) == [release(0, "old"), release(0, "new")]


# What it tells.


def test_statistics_name_whom_the_oldest_frame_waits_for() -> None:
    machine = buffer("b", "c")
    assert machine.statistics(9.0).waiting_for == ""
    offer(machine, frame(0), now=1.0)
    waiting = machine.statistics(3.0)
    assert (waiting.waiting_for, waiting.waiting_seconds) == ("device", 2.0)
    machine.committed([identity(0)], 0)
    assert machine.statistics(3.0).waiting_for == "b"
    machine.released("b", identity(0), 0)
    assert machine.statistics(3.0).waiting_for == "c"
    assert machine.holds(identity(0)) and not machine.holds(identity(1))
    assert (machine.expected(0), machine.expected(1)) == (1, 0)
    assert (waiting.frames_accepted, waiting.bytes_accepted) == (1, 10)


# Copied frames.


def test_copied_frames_keep_their_names_and_go_by_their_route() -> None:
    machine = buffer("next")
    for number, name in enumerate([40, 3, 12]):
        copied = frame(name)._replace(copied=Route(7, number))
        actions = offer(machine, copied, floor=number)
        assert [a.frame for a in actions if isinstance(a, Forward)] == [copied]
    # One that comes before its turn is asked for by the route, not by its own number.
    late = frame(1)._replace(copied=Route(7, 4))
    assert offer(machine, late, floor=4) == [Ask("in", 0, 7, 3)]


def test_a_frame_that_another_reader_sends_again_is_answered_to_both() -> None:
    machine = buffer(slots=1)
    copied = frame(5)._replace(copied=Route(1, 0))
    offer(machine, copied, edge="lost")
    assert offer(machine, copied._replace(copied=Route(2, 0)), edge="heir") == []
    assert machine.committed([identity(5)], 0) == [release(5, "lost"), release(5, "heir")]


def test_copied_frames_of_an_object_may_come_behind_its_end() -> None:
    machine = buffer()
    offer(machine, frame(3, kind=FrameKind.CATALOG)._replace(copied=Route(1, 0)))
    assert kinds(offer(machine, frame(2)._replace(copied=Route(1, 1)), floor=1)) == [Write]
