"""What was sent stays until the present receiver has released it, and can be sent again."""

from __future__ import annotations

from flowbackup.flow.actions import Forward
from flowbackup.flow.outbox import Outbox
from tests.flow.parts import frame, identity


def sent(*forwards: Forward) -> list[tuple[int, int, int]]:
    return [(f.frame.header.sequence, f.floor, f.epoch) for f in forwards]


def filled(count: int) -> Outbox:
    outbox = Outbox("a>b")
    assert sent(*[outbox.push(frame(i)) for i in range(count)]) == [
        (i, i, 0) for i in range(count)
    ]  # fmt: skip
    return outbox


def test_a_release_under_another_epoch_is_not_believed() -> None:
    outbox = filled(2)
    assert not outbox.release(identity(0), epoch=1)
    assert identity(0) in outbox
    assert outbox.release(identity(0), epoch=0)
    assert not outbox.release(identity(0), epoch=0), "a second time"
    assert len(outbox) == 1


def test_a_restarted_receiver_gets_all_that_is_unreleased_under_its_epoch() -> None:
    outbox = filled(4)
    outbox.release(identity(0), epoch=0)
    outbox.release(identity(2), epoch=0)  # has overtaken the release of 1
    assert sent(*outbox.restart(1)) == [(1, 0, 1), (3, 2, 1)]
    assert outbox.restart(1) == outbox.restart(0) == []
    assert not outbox.release(identity(1), epoch=0)


def test_the_floor_tells_what_lies_directly_below() -> None:
    outbox = filled(2)
    outbox.release(identity(1), epoch=0)
    assert sent(outbox.push(frame(2))) == [(2, 1, 0)]
    outbox.release(identity(0), epoch=0)
    outbox.release(identity(2), epoch=0)
    assert sent(outbox.push(frame(3))) == [(3, 0, 0)]


def test_replay_goes_on_from_what_was_asked_for_in_one_stream() -> None:
    outbox = filled(3)
    outbox.push(frame(0, stream=1))
    assert sent(*outbox.replay(0, 1, epoch=0)) == [(1, 1, 0), (2, 2, 0)]
    assert outbox.replay(0, 1, epoch=1) == []
    assert sent(*outbox.replay(1, 0, epoch=0)) == [(0, 0, 0)]


def test_it_covers_its_streams_wherever_their_frames_lie() -> None:
    outbox = Outbox("a>b", (2, 3), epoch=3)
    assert [outbox.covers(frame(0, stream=s, slot=7)) for s in (1, 2, 3, 4)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert Outbox("a>b").covers(frame(0, stream=9))
    assert not Outbox("a>b", ()).covers(frame(0))
    assert outbox.push(frame(0)).epoch == 3


def test_what_goes_again_takes_slots_in_the_order_in_which_it_had_them() -> None:
    """Also over several streams: the receiver may be full of what was sent first."""
    outbox = Outbox("a>b")
    for stream, sequence in ((2, 0), (1, 0), (2, 1), (1, 1)):
        outbox.push(frame(sequence, stream=stream))
    outbox.release(frame(0, stream=2).header.frame_id, epoch=0)
    assert [(f.route.stream, f.route.sequence) for f in outbox.unreleased()] == [
        (1, 0), (2, 1), (1, 1),
    ]  # fmt: skip
    again = outbox.restart(1)
    assert [(f.frame.route.stream, f.floor) for f in again] == [(1, 0), (2, 0), (1, 1)]
