"""From a plan to its prediction: the session, then the stages of copies that follow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from flowbackup.errors import UsageError
from flowbackup.model.rate import MINUTES_PER_DAY
from flowbackup.plan.decided import Plan
from flowbackup.plan.narrowing import stages_after_session
from flowbackup.simulate.faults import Faults
from flowbackup.simulate.prediction import (
    DeviceResult,
    EdgeResult,
    Loss,
    Memory,
    Prediction,
    Wait,
    loss_of,
)
from flowbackup.simulate.scenario import Event, ObjectModel, Scenario, with_declared
from flowbackup.simulate.station import Station
from flowbackup.simulate.steady import Sender, Steady
from flowbackup.simulate.watch import Watch
from flowbackup.simulate.world import World

STALL_SECONDS_MAX = 86_400.0
"""A frame that takes a day means that the model hangs: a device of a real session is given up long
before."""


def simulate(plan: Plan, scenario: Scenario) -> Prediction:
    """Runs a plan, and the copies that follow it, on a virtual clock.  Raises UsageError for a name
    in the scenario that the plan does not have."""
    scenario, assumed = with_declared(scenario, plan)
    _refuse_unknown(plan, scenario)
    session = _Session(plan, scenario).run() if plan.objects else None
    stages: list[Prediction] = []
    begun = session.seconds if session else 0.0
    for stage in stages_after_session(plan) if session else plan.stages:
        later = replace(scenario, events=tuple(_later(scenario.events, begun)))
        stages.append(_Session(stage, later, _bytes_copied(plan, stage, scenario)).run())
        begun += stages[-1].seconds
    if session is None:
        session, *stages = stages
    return replace(session, assumed=assumed, stages=tuple(stages))


class _Session:
    """One run of a world."""

    def __init__(self, plan: Plan, scenario: Scenario, copied_bytes: int = 0) -> None:
        self._plan = plan
        self._scenario = scenario
        self._world = world = World(plan, scenario, copied_bytes)
        self._copied_bytes = copied_bytes
        self._stations = tuple(world.stations.values())
        self._senders: tuple[Sender, ...] = (*world.clients.values(), *world.readers.values())
        self._watch = Watch(self._stations, self._bytes_safe, world.clock)
        self._steady = Steady(
            self._senders, self._stations, tuple(world.edges.values()), plan.frame_bytes,
            world.clock, self._watch,
        )  # fmt: skip
        self._faults = Faults(
            plan, world.stations, world.clients, world.readers, world.edges, world.clock,
            world.make_device, self._steady.restart,
        )  # fmt: skip
        self._losses: list[Loss] = []
        self._heard_at = 0.0
        for sender in self._senders:
            sender.released = self._released

    def run(self) -> Prediction:
        clock = self._world.clock
        for event in self._scenario.events:
            clock.appoint(max(0.0, event.at_seconds), lambda event=event: self._happens(event))  # type: ignore[misc]
        self._appoint_hours()
        self._watch.start()
        for sender in self._senders:
            sender.start()
        while not all(sender.is_done for sender in self._senders) and clock.step():
            if clock.now - self._heard_at > STALL_SECONDS_MAX:
                raise AssertionError(f"{self._plan.graph}: nothing moves any more")
        self._watch.take()
        return self._prediction()

    def _released(self) -> None:
        self._heard_at = self._world.clock.now
        if not self._scenario.exact:
            self._steady.released()

    def _happens(self, event: Event) -> None:
        self._watch.take()
        if not event.rate:
            names = [s.device.target.name for s in self._stations if _is_hit(s, event.name)]
            self._losses += [self._loss(name, event.at_seconds) for name in names]
        self._faults.apply(event)

    def _loss(self, device: str, at_seconds: float) -> Loss:
        durable = {s.device.target.name: dict(s.device.durable_bytes) for s in self._stations}
        released = next(s.bytes_released for s in self._stations if s.device.target.name == device)
        return loss_of(device, at_seconds, durable, released)

    def _appoint_hours(self) -> None:
        """No leap goes over a moment at which the rate of a coupling changes."""
        if any(edge.rate.windows for edge in self._plan.edges):
            clock = self._world.clock
            found = self._next_change(clock.seconds)
            if found is not None:
                clock.appoint(found, self._hour_came)

    def _hour_came(self) -> None:
        self._steady.restart()
        self._appoint_hours()

    def _next_change(self, seconds: float) -> float | None:
        scenario = self._scenario
        begun = scenario.day * MINUTES_PER_DAY + scenario.minute
        schedules = [edge.rate for edge in self._plan.edges if edge.rate.windows]
        first = int(seconds // 60) + 1
        for minute in range(first, first + 7 * MINUTES_PER_DAY):
            now, before = _day_and_minute(begun + minute), _day_and_minute(begun + minute - 1)
            if any(s.rate_at(*now) != s.rate_at(*before) for s in schedules):
                return 60.0 * minute
        return None

    def _bytes_safe(self) -> int:
        """Of what clients and readers have read."""
        clients = sum(
            item.model.size_bytes - item.left_bytes
            for client in self._world.clients.values()
            for item in client.objects
        )
        left = sum(reader.left_bytes for reader in self._world.readers.values())
        return clients + (self._copied_bytes - left if self._world.readers else 0)

    def _prediction(self) -> Prediction:
        world, plan = self._world, self._plan
        objects = [item for client in world.clients.values() for item in client.objects]
        return Prediction(
            graph=plan.graph,
            seconds=world.clock.seconds,
            outcome=self._outcome(),
            bytes_source=sum(o.model.size_bytes for o in objects) or self._copied_bytes,
            bytes_safe=self._bytes_safe(),
            edges=tuple(EdgeResult(n, edge.bytes_moved) for n, edge in world.edges.items()),
            devices=tuple(_device_result(station) for station in self._stations),
            waits=tuple(self._waits()),
            memory=tuple(self._memory()),
            samples=tuple(self._watch.samples),
            losses=tuple(self._losses),
            leapt_seconds=self._steady.leapt_seconds,
            frames=sum(sender.frames_released for sender in self._senders),
        )

    def _outcome(self) -> str:
        objects = [item for client in self._world.clients.values() for item in client.objects]
        failures = [item.failure for item in objects if item.failure or item.left_bytes]
        failures += [r.failure for r in self._world.readers.values() if r.failure]
        works = [station for station in self._stations if station.works]
        if failures or not works:
            return "failed"
        required = [s for s in self._stations if s.plan.required]
        return "success" if all(station.works for station in required) else "incomplete"

    def _waits(self) -> Iterator[Wait]:
        for sender in self._senders:
            waits = sender.waits
            for whom in sorted(waits, key=lambda name: -waits[name]):
                yield Wait(sender.name, whom, waits[whom])

    def _memory(self) -> Iterator[Memory]:
        """Of slabs of agents what their owner held at most; those of clients count in full."""
        plan, now = self._plan, self._world.clock.now
        for node, planned in plan.memory_bytes:
            peak = 0
            for slab in plan.slabs:
                if slab.node != node:
                    continue
                owner = self._world.stations.get(slab.owner)
                used = owner.machine.statistics(now).window.slots_peak if owner else slab.slots
                peak += used * slab.slot_bytes
            yield Memory(node, planned, peak)


def _device_result(station: Station) -> DeviceResult:
    window, device = station.statistics().window, station.device
    return DeviceResult(
        device.target.name, station.plan.name, station.plan.node, station.plan.level,
        sum(device.durable_bytes.values()), device.busy_seconds, device.syncs,
        station.plan.slots, window.slots_peak, station.failure, station.failed_at,
    )  # fmt: skip


def _is_hit(station: Station, name: str) -> bool:
    return name in (station.device.target.name, station.plan.node)


def _later(events: tuple[Event, ...], begun: float) -> Iterator[Event]:
    """For what begins then; what happened before holds from its beginning."""
    for event in events:
        yield replace(event, at_seconds=max(0.0, event.at_seconds - begun))


def _day_and_minute(minutes: int) -> tuple[int, int]:
    return minutes // MINUTES_PER_DAY % 7, minutes % MINUTES_PER_DAY


def _bytes_copied(plan: Plan, stage: Plan, scenario: Scenario) -> int:
    """Of the objects that any of its groups selects."""
    patterns = [item.objects for item in stage.selections]
    names = [f"{item.client}/{item.name}" for item in plan.objects]
    models: list[ObjectModel] = [
        scenario.objects.get(name, scenario.object)
        for name in names
        if any(not some or any(fnmatchcase(name, p) for p in some) for some in patterns)
    ]
    return sum(m.size_bytes for m in models) if names else scenario.object.size_bytes


def _refuse_unknown(plan: Plan, scenario: Scenario) -> None:
    parts = (plan, *plan.stages)
    devices = {agent.device.name for part in parts for agent in part.agents}
    devices |= {spare.device.name for group in plan.groups for spare in group.spares}
    objects = {f"{item.client}/{item.name}" for item in plan.objects}
    nodes = {agent.node for part in parts for agent in part.agents}
    for kind, named, known in (
        ("device", scenario.devices, devices),
        ("device", [event.name for event in scenario.events if event.rate], devices),
        ("object", scenario.objects, objects),
        ("device or node", [event.name for event in scenario.events], devices | nodes),
    ):
        unknown = sorted(set(named) - known)
        if unknown:
            raise UsageError(
                f'graph {plan.graph} has no {kind} "{unknown[0]}"',
                remedy=f"name one of {', '.join(sorted(known))}",
            )
