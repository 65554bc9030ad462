"""New actors and devices in the place of others: how it is done, step by step.

Whether it is done at all, `succession` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from flowbackup.errors import FlowbackupError
from flowbackup.media.port import WriterStatistics
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameDescriptor
from flowbackup.plan.decided import EdgePlan, Transport
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.crew.answers import raise_all
from flowbackup.runtime.crew.crew import TELL_SECONDS_MAX, Crew, another
from flowbackup.runtime.crew.station import Adopted, Retired
from flowbackup.runtime.edges.wiring import Coupled, EdgeSettings, Told
from flowbackup.runtime.engines.port import Handle

Held = tuple[tuple[str, FrameDescriptor], ...]


class Replacing:
    """Replaces what belongs to the stations of a crew."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._hired: dict[str, tuple[int, Handle]] = {}
        """Media agents that start while something else is done."""

    def replace_device(
        self, name: str, device: DeviceTarget, written: WriterStatistics
    ) -> Told:  # fmt: skip
        """Another device goes on in the place of a station's.  written: what the old one had done.
        Returns what is durable on the old one, in the order of writing: all that it ever told, and
        perhaps more.  Raises FlowbackupError if the device cannot be used; the buffer waits on
        then."""
        station = self._crew.stations[name]
        # Before its successor begins: it must not write into slots that are used again.
        station.lose_agent()
        plan, epoch = replace(station.plan, device=device), station.next_epoch()
        who, faults = f"media agent {name}", list[FlowbackupError]()
        agent = self._crew.hire_agent(plan)
        answer = self._crew.answer_of(agent.open.remote(), who, faults)
        left = None
        if answer is not None:
            left = self._crew.answer_of(agent.left_on.remote(station.plan.device), who, faults)
        _map(self._crew, name, agent, faults)
        told = cast("Told", left)
        before = (*self._crew.media[name], *told.media)[-1]
        station.retired.append(Retired(station.plan, before.medium, written))
        station.plan, station.earlier = plan, WriterStatistics()
        self._go_on(name, agent, epoch, answer, told)
        return told

    def restart_agent(self, name: str, written: WriterStatistics) -> Told:
        """A new media agent goes on with the device of one that is dead or as good as dead.
        written: what this device had taken.  Returns what is durable on it, in the order of
        writing.  Raises FlowbackupError if it cannot; the buffer waits on then."""
        station = self._crew.stations[name]
        station.lose_agent()
        hired = self._hired.pop(name) if name in self._hired else self._hire_agent(name)
        epoch, agent = hired
        faults: list[FlowbackupError] = []
        device_id = self._crew.media[name][-1].device_id
        call = agent.take_over.remote(station.agent_process, device_id)
        answer = self._crew.answer_of(call, f"media agent {name}", faults)
        _map(self._crew, name, agent, faults)
        opened, told = cast("tuple[object, Told]", answer)
        sizes = [frame.header.payload_bytes for frame in told.frames]
        station.earlier = replace(written, frames=len(sizes), bytes_payload=sum(sizes))
        self._go_on(name, agent, epoch, opened, told)
        return told

    def restart_buffer(self, name: str, lost: Callable[[str, str], None]) -> None:
        """A new buffer takes the place of one that is dead or as good as dead, in the same memory,
        and gets from its feeders what that one had not released.  It has no device yet, which
        `restart_agent` or `replace_device` gives it; where the device has failed before, it relays
        only.  lost: is told of a station behind it that does not answer, and why; it has another
        buffer then, or is given up.  Raises FlowbackupError if it cannot."""
        station = self._crew.stations[name]
        processes = [station.buffer_process]
        station.lose_buffer()
        has_device = not station.failure
        if has_device:
            # What it has not written lies in slots that are about to be filled again.
            station.lose_agent()
            processes.append(station.agent_process)
        epoch = station.next_epoch()
        buffer = self._crew.hire_buffer(station.plan, epoch)
        if has_device:
            self._hired[name] = self._hire_agent(name)
        who, faults = f"buffer {name}", list[FlowbackupError]()
        call = buffer.open.remote([process for process in processes if process is not None])
        process = self._crew.answer_of(call, who, faults)
        if not faults:
            held = self._held_behind(name, epoch, lost)
            self._crew.answer_of(
                buffer.wire.remote(None, self._crew.couplings(name), held), who, faults
            )
        if not faults and not has_device:
            self._crew.answer_of(buffer.give_up_device.remote(), who, faults)
        if faults:
            self._crew.engine.end(buffer)
            self.dismiss_hired(name)
            raise_all(faults)
        station.buffer, station.buffer_epoch, station.buffer_lost = buffer, epoch, False
        station.buffer_process = another(cast("ProcessIdentity", process))
        for edge, feeder in self._crew.feeders(name).items():
            # Who cannot be told has died himself, and his successor finds this buffer there.
            call = feeder.replace_successor.remote(edge, buffer, epoch)
            self._crew.answer_of(call, edge, [], TELL_SECONDS_MAX)

    def dismiss_hired(self, name: str) -> None:
        """Ends a media agent that was started and is not needed."""
        if name in self._hired:
            self._crew.engine.end(self._hired.pop(name)[1])

    def _hire_agent(self, name: str) -> tuple[int, Handle]:
        station = self._crew.stations[name]
        epoch = station.next_epoch()
        return epoch, self._crew.hire_agent(station.plan, epoch)

    def _held_behind(self, name: str, epoch: int, lost: Callable[[str, str], None]) -> Held:
        """What the stations behind it hold, which hear nothing more of the old one from now on."""
        held: Held = ()
        for edge in self._crew.edges_from(name):
            target, sender_epoch = self._crew.stations[edge.target], epoch
            if edge.name in self._crew.adopted:
                sender_epoch = self._next_sender(edge, name)
            while not target.buffer_lost:
                faults: list[FlowbackupError] = []
                call = target.buffer.predecessor_restarted.remote(edge.name, sender_epoch)
                answer = self._crew.answer_of(
                    call, f"buffer {edge.target}", faults, TELL_SECONDS_MAX
                )
                if not faults:
                    held += cast("Held", answer)
                    break
                lost(edge.target, str(faults[0]))
        return held

    def _next_sender(self, edge: EdgePlan, by: str) -> int:
        """On an edge whose source is lost there are several senders in the course of time, whose
        epochs are those of that source."""
        epoch = self._crew.stations[edge.source].next_epoch()
        settings = self._crew.settings_of(edge)
        self._crew.adopted[edge.name] = Adopted(by, settings, epoch)
        return epoch

    def adopt(self, name: str) -> list[str]:
        """Who feeds a station that is lost for good takes its place towards those behind it, as far
        as he can: a buffer, the only one, which has memory in common with them, or which they have
        memory of their own to hear.  Returns them.  Its media agent must have ended."""
        feeder = self._only_feeder(name)
        if feeder is None:
            return []
        into, source = feeder
        coming = self._crew.settings_of(into).streams
        heirs: list[Coupled] = []
        held: Held = ()
        for edge in self._crew.edges_from(name):
            settings = self._as_sent_by(edge, source, coming)
            target, faults = self._crew.stations[edge.target], list[FlowbackupError]()
            if settings is None or target.buffer_lost:
                continue
            epoch = self._crew.stations[edge.source].next_epoch()
            call = target.buffer.predecessor_restarted.remote(edge.name, epoch)
            answer = self._crew.answer_of(call, f"buffer {edge.target}", faults, TELL_SECONDS_MAX)
            if not faults:
                held += cast("Held", answer)
                self._crew.adopted[edge.name] = Adopted(source, settings, epoch)
                heirs.append(
                    Coupled(settings, target.buffer, target.buffer_epoch, target.begins, epoch)
                )
        if not heirs:
            return []
        faults = []
        call = self._crew.stations[source].buffer.adopt.remote(into.name, heirs, held)
        self._crew.answer_of(call, f"buffer {source}", faults, TELL_SECONDS_MAX)
        # Where he died himself, his successor finds those that he has adopted.
        return [heir.settings.target for heir in heirs]

    def _only_feeder(self, name: str) -> tuple[EdgePlan, str] | None:
        feeders = self._crew.feeders(name)
        for edge in self._crew.plan.edges_into(name):
            source = self._crew.sender(edge)
            if len(feeders) == 1 and edge.name in feeders and source in self._crew.stations:
                return edge, source
        return None

    def _as_sent_by(
        self, edge: EdgePlan, source: str, coming: tuple[int, ...]
    ) -> EdgeSettings | None:
        """The settings of an edge when this station sends over it; None where it cannot."""
        settings = self._crew.settings_of(edge)
        streams = tuple(stream for stream in settings.streams if stream in coming)
        nodes = {self._crew.stations[n].plan.node for n in (source, edge.target)}
        if len(nodes) == 1:
            return replace(settings, transport=Transport.SHARED_MEMORY, streams=streams)
        is_near = settings.transport is Transport.SHARED_MEMORY
        return None if is_near else replace(settings, streams=streams)

    def _go_on(self, name: str, agent: Handle, epoch: int, opened: object, told: Told) -> None:
        station, faults = self._crew.stations[name], list[FlowbackupError]()
        station.agent, station.agent_epoch, station.agent_lost = agent, epoch, False
        self._crew.hear_opened(name, opened)
        names = tuple(frame.header.frame_id for frame in told.frames)
        call = station.buffer.replace_device.remote(agent, epoch, names)
        self._crew.answer_of(call, f"buffer {name}", faults)
        raise_all(faults)


def _map(crew: Crew, name: str, agent: Handle, faults: list[FlowbackupError]) -> None:
    """The last step of a new media agent that had no faults; else it ends, and they are raised."""
    if not faults:
        crew.answer_of(agent.map.remote(), f"media agent {name}", faults)
    if faults:
        crew.engine.end(agent)
        raise_all(faults)
