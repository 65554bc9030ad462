"""The result of a simulation, as values."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

SHORT_SHARE = 0.05
"""A wait for less of the time than this holds nobody up."""


Streams = tuple[tuple[int, int], ...]
"""Stream and bytes of it."""


class EdgeResult(NamedTuple):
    """What came over a coupling."""

    name: str
    bytes_moved: int


class DeviceResult(NamedTuple):
    """busy_seconds: of writing, reading and syncing.  slots_peak: of its buffer, of `slots`.
    failure: why it ended, at `failed_at` seconds; "" for one that works."""

    name: str
    agent: str
    node: str
    level: int
    bytes_durable: int
    busy_seconds: float
    syncs: int
    slots: int
    slots_peak: int
    failure: str = ""
    failed_at: float = 0.0


class Wait(NamedTuple):
    """So long somebody had nothing to do because of somebody else: a client or reader for a device
    or coupling."""

    who: str
    whom: str
    seconds: float


class Sample(NamedTuple):
    """How it stood at a moment.  fill: slots in use of each agent, in the mean since the sample
    before.  durable: bytes of each stream on each device; released: those that its agent has in
    memory no more; all in the order of `Prediction.devices`.  bytes_read: from the source."""

    seconds: float
    fill: tuple[float, ...]
    durable: tuple[Streams, ...]
    released: tuple[Streams, ...]
    bytes_read: int


class Memory(NamedTuple):
    """Of a node: what its slabs take, and how much of it was in use at most."""

    node: str
    bytes_planned: int
    bytes_peak: int


class Loss(NamedTuple):
    """If this device had died: what was durable there, how much of that is on no other device and
    in no memory, from which it would go to another one, and from where the rest can be restored."""

    device: str
    at_seconds: float
    bytes_durable: int
    bytes_lost: int
    elsewhere: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One session on the virtual clock.

    seconds: until everything was durable that could be.  outcome: success, incomplete (a required
    copy is missing) or failed.  bytes_source: of the objects; bytes_safe: of them, released by
    every required device.  leapt_seconds: of the time, in which nothing changed, that was not
    followed frame by frame.  frames: that were followed.  assumed: devices of which nobody said how
    fast they are.  stages: the copies that follow, one after the other.
    """

    graph: str
    seconds: float
    outcome: str
    bytes_source: int
    bytes_safe: int
    edges: tuple[EdgeResult, ...]
    devices: tuple[DeviceResult, ...]
    waits: tuple[Wait, ...]
    memory: tuple[Memory, ...]
    samples: tuple[Sample, ...]
    losses: tuple[Loss, ...] = ()
    leapt_seconds: float = 0.0
    frames: int = 0
    assumed: tuple[str, ...] = ()
    stages: tuple[Prediction, ...] = ()

    @property
    def rate(self) -> float:
        """Bytes of source per second."""
        return self.bytes_safe / self.seconds if self.seconds else 0.0

    @property
    def seconds_total(self) -> float:
        """With the stages."""
        return self.seconds + sum(stage.seconds for stage in self.stages)

    @property
    def bottleneck(self) -> str:
        """For whom was waited longest, as a sentence."""
        waits = [wait for wait in self.waits if wait.whom]
        longest = max(waits, key=lambda wait: wait.seconds, default=Wait("", "", 0.0))
        share = longest.seconds / self.seconds if self.seconds else 0.0
        if share < SHORT_SHARE:
            return "The source sets the pace; nobody waited for long."
        return f"{longest.who} waited for {longest.whom}, {share:.0%} of the time."

    def if_lost(self, device: str, at_seconds: float) -> Loss:
        """What would be lost if a device had died then, between samples as if all went evenly.
        Raises KeyError for a device that is not there."""
        names = [found.name for found in self.devices]
        if device not in names:
            raise KeyError(device)
        before, after = self._around(at_seconds)
        span = after.seconds - before.seconds
        part = min(1.0, max(0.0, (at_seconds - before.seconds) / span)) if span else 1.0
        durable = {
            name: _between(before.durable[place], after.durable[place], part)
            for place, name in enumerate(names)
        }
        place = names.index(device)
        released = _between(before.released[place], after.released[place], part)
        return loss_of(device, at_seconds, durable, released)

    def _around(self, at_seconds: float) -> tuple[Sample, Sample]:
        """The samples before and behind a moment."""
        times = [sample.seconds for sample in self.samples]
        behind = min(bisect_right(times, at_seconds), len(times) - 1)
        return self.samples[max(0, behind - 1)], self.samples[behind]


def _between(before: Streams, after: Streams, part: float) -> dict[int, int]:
    begun = dict(before)
    return {
        stream: begun.get(stream, 0) + int((size - begun.get(stream, 0)) * part)
        for stream, size in after
    }


def loss_of(
    device: str, at_seconds: float, durable: Mapping[str, Mapping[int, int]],
    released: Mapping[int, int],
) -> Loss:  # fmt: skip
    """durable: device -> stream -> bytes.  released: what its agent has in memory no more.  Frames
    of a stream become durable in their order, so that of two devices one has all that the other
    has."""
    here = durable[device]
    others = {name: streams for name, streams in durable.items() if name != device}
    found = {
        name: sum(min(size, streams.get(stream, 0)) for stream, size in here.items())
        for name, streams in others.items()
    }
    lost = 0
    for stream, size in here.items():
        safe = max((streams.get(stream, 0) for streams in others.values()), default=0)
        lost += max(0, min(size, released.get(stream, 0)) - safe)
    elsewhere = sorted(found.items(), key=lambda item: -item[1])
    kept = tuple((name, size) for name, size in elsewhere if size)
    return Loss(device, at_seconds, sum(here.values()), lost, kept)
