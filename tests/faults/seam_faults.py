"""What may break between two events of a session, and how the session goes on then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial

import pytest

from flowbackup.errors import DeviceLockedError
from flowbackup.runtime.edges.wiring import Written
from flowbackup.testing.crash_disk import CrashDisk
from tests.faults.seam import Seam
from tests.faults.seam_parts import Level, Life, Writer


class Break(Enum):
    """Zombies: what they have said arrives when others have their places already; and they say that
    everything is durable, as one does whose segment was cut back behind it."""

    AGENT = "media agent dies and is restarted"
    AGENT_ZOMBIE = "media agent is replaced and speaks on"
    AGENT_GONE = "media agent cannot be restarted"
    BUFFER = "buffer dies and is restarted"
    BUFFER_ZOMBIE = "buffer is replaced and speaks on"
    BUFFER_GONE = "buffer cannot be restarted"
    CLIENT = "client dies"
    DRIVER = "driver dies"


OF_ONE_LEVEL = (
    Break.AGENT, Break.AGENT_ZOMBIE, Break.AGENT_GONE, Break.BUFFER, Break.BUFFER_ZOMBIE,
    Break.BUFFER_GONE,
)  # fmt: skip
OF_ALL = (Break.CLIENT, Break.DRIVER)


def happen(seam: Seam, kind: Break, number: int) -> None:
    """number: of the level that is hit."""
    if number < len(seam.levels) and not seam.levels[number].is_lost:
        _DOES[kind](seam, seam.levels[number])


def _agent(seam: Seam, level: Level) -> None:
    if level.has_writer:
        _silence(seam, level.life.writer)
        level.life.writer.kill()
        seam.restart_agent(level)


def _agent_zombie(seam: Seam, level: Level) -> None:
    """As long as its process lives nobody else gets the device."""
    if not level.has_writer:
        return
    with pytest.raises(DeviceLockedError, match="seam"):
        seam.hire(level, CrashDisk(), level.life.writer.epoch + 1)
    life, old = level.life, level.life.writer
    old.kill()
    seam.restart_agent(level)
    _boast(seam, life, old)


def _agent_gone(seam: Seam, level: Level) -> None:
    if level.owes:
        level.life.writer.kill()
        level.relays_only = True
        seam.perform(level.life, level.life.machine.device_failed())


def _buffer(seam: Seam, level: Level) -> None:
    _silence(seam, level.life)
    _silence(seam, level.life.writer)
    old = level.lives.pop()
    _replace_buffer(seam, level, old)


def _buffer_zombie(seam: Seam, level: Level) -> None:
    old = level.life
    _replace_buffer(seam, level, old)
    _boast(seam, old, old.writer)


def _boast(seam: Seam, life: Life, writer: Writer) -> None:
    """The writer tells the self for which it worked that it has what it never had."""
    there = life.level.durable
    frames = tuple(f for f in seam.reads if life.machine.holds(f) and f not in there)
    seam.post(writer, "report", partial(seam.report, life, writer, Written(frames, None)))


def _replace_buffer(seam: Seam, level: Level, old: Life) -> None:
    """What waits in its memory, and what its media agent has not committed, comes from the
    predecessor once more; perhaps before there is a media agent again."""
    old.writer.kill()
    life = seam.live(level, old.writer, epoch=old.epoch + 1)
    if level.relays_only:
        seam.perform(life, life.machine.device_failed())
    seam.post(seam, "take over", partial(seam.restart_agent, level))
    source, following = seam.source_of(level), seam.following(level)
    if source is None:
        seam.forward(None, seam.sender.head_restarted(level.edge, life.epoch))
    else:
        machine = source.life.machine
        seam.perform(source.life, machine.successor_restarted(level.edge, life.epoch))
    if following is not None:
        machine = following.life.machine
        under = life.epoch
        if following.adopted_under:
            under = following.adopted_under = following.adopted_under + 1
        seam.perform(following.life, machine.predecessor_restarted(following.edge, under))


def _buffer_gone(seam: Seam, level: Level) -> None:
    """Its predecessor adopts what stands behind it.  The client adopts nobody: its chain ends."""
    level.life.writer.kill()
    source, following = seam.source_of(level), seam.following(level)
    level.is_lost = True
    if source is None:
        seam.sender.head_lost(level.edge, "it cannot be restarted")
        return
    heirs = []
    if following is not None:
        heirs = [seam.outbox(following.edge, following)]
        under = following.adopted_under = max(following.adopted_under, level.life.epoch) + 1
        seam.perform(
            following.life,
            following.life.machine.predecessor_restarted(following.edge, under),
        )
    machine = source.life.machine
    seam.perform(source.life, machine.successor_detached(level.edge, heirs))


def _client(seam: Seam, level: Level) -> None:
    _silence(seam, None)
    seam.client_is_dead = True


def _driver(seam: Seam, level: Level) -> None:
    """All others end with it."""
    seam.is_over = True
    for each in seam.levels:
        each.life.writer.kill()


def _silence(seam: Seam, sender: object) -> None:
    """What it has said and nobody has heard yet is lost with it."""
    seam.network = deque(message for message in seam.network if message.sender is not sender)


_DOES: dict[Break, Callable[[Seam, Level], None]] = {
    Break.AGENT: _agent,
    Break.AGENT_ZOMBIE: _agent_zombie,
    Break.AGENT_GONE: _agent_gone,
    Break.BUFFER: _buffer,
    Break.BUFFER_ZOMBIE: _buffer_zombie,
    Break.BUFFER_GONE: _buffer_gone,
    Break.CLIENT: _client,
    Break.DRIVER: _driver,
}
