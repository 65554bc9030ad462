"""What breaks in a simulated session, and how those around it go on: as runtime/crew does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flowbackup.flow.lag import is_behind
from flowbackup.flow.patience import Patience
from flowbackup.plan.decided import Plan
from flowbackup.plan.spares import Spares
from flowbackup.simulate.client import ModelClient
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.device import ModelDevice
from flowbackup.simulate.edge import ModelEdge
from flowbackup.simulate.reader import ModelReader
from flowbackup.simulate.scenario import Event
from flowbackup.simulate.station import Station

ROUND_SECONDS = 0.5
"""How often a session looks at its mirrors, as in runtime/backup/session.py."""
LAG_SECONDS_MAX = 2.0
"""As in runtime/crew/changes.py."""
REPLACE_SECONDS = 1.0
"""Until a media agent writes to a spare device."""


class Faults:
    """Of one session.  changed: is called when something was not as before."""

    def __init__(
        self, plan: Plan, stations: Mapping[str, Station], clients: Mapping[str, ModelClient],
        readers: Mapping[str, ModelReader], edges: Mapping[str, ModelEdge], clock: Clock,
        make_device: Callable[[Station, str], ModelDevice], changed: Callable[[], None],
    ) -> None:  # fmt: skip
        """make_device: a spare one, by its name, in the place of that of a station."""
        self._plan = plan
        self._stations = stations
        self._clients = clients
        self._readers = readers
        self._edges = edges
        self._clock = clock
        self._make_device = make_device
        self._changed = changed
        self._spares = Spares(plan)
        self._patience = Patience(LAG_SECONDS_MAX)
        for station in stations.values():
            self._watch_device(station)
        self._may_detach = [e for e in plan.edges if e.when_slow == "detach"]
        if self._may_detach:
            clock.after(ROUND_SECONDS, self._look_for_lag)

    def apply(self, event: Event) -> None:
        """A device or a node fails, or a device has another rate from now on."""
        self._changed()
        devices = [s for s in self._stations.values() if s.device.target.name == event.name]
        readers = [r for r in self._readers.values() if r.plan.device.name == event.name]
        for station in devices:
            if event.rate:
                station.device.rate = event.rate
            else:
                station.device.fail()
                self._device_failed(station, f"failed at {event.at_seconds:g} s")
        for reader in readers:
            if event.rate:
                reader.device.rate = event.rate
            else:
                reader.fail(f"failed at {event.at_seconds:g} s")
        if not (devices or readers or event.rate):
            self._node_lost(event)

    def _node_lost(self, event: Event) -> None:
        text = f"node {event.name} was lost at {event.at_seconds:g} s"
        for station in self._stations.values():
            if station.plan.node == event.name and station.works:
                station.device.fail()
                station.fail(text)
        for station in list(self._stations.values()):
            if station.plan.node == event.name:
                self._part_from(station, text, adopts=True)

    def _watch_device(self, station: Station) -> None:
        station.broke = lambda reason: self._clock.after(0, lambda: self._broke(station, reason))
        station.filled = lambda: self._device_failed(station, "is full")

    def _device_failed(self, station: Station, reason: str) -> None:
        self._changed()
        spare = self._spares.take(station.plan)
        if spare is None:
            station.fail(reason)
            station.relay_only()
            return

        def go_on() -> None:
            self._changed()
            station.replace_device(self._make_device(station, spare.device.name))

        self._clock.after(REPLACE_SECONDS, go_on)

    def _broke(self, station: Station, reason: str) -> None:
        """It can promise nothing any more: whoever feeds it goes on without it."""
        station.fail(reason)
        self._part_from(station, reason, adopts=False)

    def _part_from(self, station: Station, reason: str, *, adopts: bool) -> None:
        self._changed()
        heirs = list(self._heirs(station)) if adopts else []
        for name, edge in list(station.incoming.items()):
            edge.stop()
            source = edge.source
            if source in self._stations:
                self._stations[source].edge_failed(name, heirs)
            elif source in self._clients:
                self._clients[source].head_lost(name, reason)
            else:
                self._readers[source].head_lost(name, reason)

    def _heirs(self, station: Station) -> Iterator[ModelEdge]:
        """The couplings to the nearest agents behind it that work, and that nobody has adopted."""
        for edge in station.outgoing.values():
            target = self._stations[edge.plan.target]
            if not edge.alive or edge.source != station.plan.name:
                continue
            if target.plan.node == station.plan.node and not target.works:
                yield from self._heirs(target)
            else:
                yield edge

    def _look_for_lag(self) -> None:
        for edge in self._may_detach:
            source = self._stations.get(self._edges[edge.name].source)
            target = self._stations[edge.target]
            if source is None or target.failure or not self._edges[edge.name].alive:
                continue
            found = source.statistics()
            limit = edge.lag_bytes_max or target.plan.slots * self._plan.slot_bytes
            behind = is_behind(dict(found.lags).get(edge.name, 0), limit, found.window)
            owes = behind and found.device_alive
            if self._patience.is_over(edge.name, owes=owes, done=None, now=self._clock.now):
                target.device.fail()
                target.fail("was detached: it was too slow")
                self._part_from(target, "was detached", adopts=False)
        self._clock.after(ROUND_SECONDS, self._look_for_lag)
