"""The leap over a time in which nothing changes.

A session of 100 TB is millions of frames, and nearly all of them go as those before went.  When
two windows of frames, one behind the other, went at the same rates and through equally full
buffers, what follows is left out, as far as nothing else happens: an object that ends, a device
that gets full, a failure, an hour with another rate.  The machines stand still meanwhile; only what
is counted goes on.  So the beginning, the end, and whatever follows an event are followed frame by
frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from flowbackup.simulate.client import ModelClient
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.edge import ModelEdge
from flowbackup.simulate.reader import ModelReader
from flowbackup.simulate.station import Station
from flowbackup.simulate.watch import Watch

WINDOW_FRAMES = 2048
"""Releases come in bursts of up to a window of credit: so many frames make that a small part."""
RATE_TOLERANCE = 0.004
FILL_TOLERANCE = 0.002
"""Of the frames of a window: where a buffer took more of them in than this, or gave more out, it
fills or empties, and the rates will change when it is full or empty."""
RESERVE_FRAMES = 64
"""What is left of an object, beside all buffers, so that its end is followed."""
GROWTH = 1.5
"""Where two windows differ, perhaps by chance, the next ones are longer."""

Sender = ModelClient | ModelReader


@dataclass(frozen=True, slots=True)
class _Mark:
    """How it stood at the border of a window."""

    now: float
    left: tuple[int, ...]
    objects: tuple[int, ...]
    streams: Mapping[int, int]
    waits: tuple[Mapping[str, float], ...]
    busy: tuple[float, ...]
    held: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """Between two marks, with so many frames."""

    begun: _Mark
    ended: _Mark
    frames: int

    @property
    def seconds(self) -> float:
        return self.ended.now - self.begun.now

    def fills(self) -> list[float]:
        """Mean slots in use of each station."""
        pairs = zip(self.begun.held, self.ended.held, strict=True)
        return [(after - before) / self.seconds for before, after in pairs]

    def rates(self) -> list[float]:
        """Bytes of source per second of each sender."""
        pairs = zip(self.begun.left, self.ended.left, strict=True)
        return [(before - after) / self.seconds for before, after in pairs]


class Steady:
    """Of one simulated session.  `released` is to be called with each frame that a sender got
    released."""

    def __init__(
        self, senders: Sequence[Sender], stations: Sequence[Station], edges: Sequence[ModelEdge],
        frame_bytes: int, clock: Clock, watch: Watch,
    ) -> None:  # fmt: skip
        self.leapt_seconds = 0.0
        self._senders = senders
        self._stations = stations
        self._edges = edges
        self._frame_bytes = frame_bytes
        self._clock = clock
        self._watch = watch
        self._window_frames: float = WINDOW_FRAMES * max(1, len(senders) // 4)
        self._frames = 0
        self._begun: _Mark | None = None
        self._before: _Window | None = None

    def restart(self) -> None:
        """Something has happened: what was seen before says nothing any more."""
        self._begun = self._before = None
        self._frames = 0

    def released(self) -> None:
        self._frames += 1
        if self._begun is None:
            # The buffers fill first.
            if self._frames >= self._window_frames / 4:
                self.restart()
                self._begun = self._mark()
            return
        if self._frames >= self._window_frames:
            self._end_window(self._begun)

    def _end_window(self, begun: _Mark) -> None:
        ended = self._mark()
        window = _Window(begun, ended, self._frames)
        before = self._before
        self.restart()
        self._begun = ended
        if begun.objects != ended.objects or window.seconds <= 0:
            return
        if before is not None and self._are_alike(before, window):
            self._leap(_Window(before.begun, ended, before.frames + window.frames))
        elif before is not None:
            self._window_frames *= GROWTH
            self._before = window
        else:
            self._before = window

    def _mark(self) -> _Mark:
        streams: Counter[int] = Counter()
        for sender in self._senders:
            streams.update(sender.bytes_sent)
        now = self._clock.now
        return _Mark(
            now, tuple(_left(sender) for sender in self._senders),
            tuple(_object(sender) for sender in self._senders), streams,
            tuple(dict(sender.waits) for sender in self._senders),
            tuple(station.device.busy_seconds for station in self._stations),
            tuple(station.held_seconds() for station in self._stations),
        )  # fmt: skip

    def _are_alike(self, one: _Window, other: _Window) -> bool:
        if one.begun.objects != other.ended.objects:
            return False
        for before, after in zip(one.rates(), other.rates(), strict=True):
            if abs(before - after) > RATE_TOLERANCE * max(before, after):
                return False
        tolerance = FILL_TOLERANCE * min(one.frames, other.frames)
        fills = zip(one.fills(), other.fills(), strict=True)
        return all(abs(before - after) <= tolerance for before, after in fills)

    def _leap(self, window: _Window) -> None:
        seconds = self._seconds_free(window)
        if seconds < window.seconds / 4:
            return
        factor = seconds / window.seconds
        streams = {
            stream: int((size - window.begun.streams.get(stream, 0)) * factor)
            for stream, size in window.ended.streams.items()
        }
        self._watch.take()
        for sender, rate in zip(self._senders, window.rates(), strict=True):
            _read_on(sender, int(rate * seconds), streams)
        self._pass_on(streams)
        for place, sender in enumerate(self._senders):
            before, after = window.begun.waits[place], window.ended.waits[place]
            for whom, waited in after.items():
                sender.waits[whom] += (waited - before.get(whom, 0.0)) * factor
        for place, station in enumerate(self._stations):
            busy = window.ended.busy[place] - window.begun.busy[place]
            station.device.busy_seconds += busy * factor
        self._clock.leap(seconds)
        self.leapt_seconds += seconds
        self._watch.take()
        self.restart()

    def _seconds_free(self, window: _Window) -> float:
        """How long nothing will happen but more of the same."""
        reserve = self._frame_bytes * (RESERVE_FRAMES + sum(s.plan.slots for s in self._stations))
        limits = [self._clock.next_appointment - self._clock.seconds]
        for left, rate in zip(window.ended.left, window.rates(), strict=True):
            limits.append((left - reserve) / rate if rate > 0 else inf)
        for station in self._stations:
            room = station.device.room_bytes if station.device.alive else None
            if room is not None:
                taken = sum(
                    size - window.begun.streams.get(stream, 0)
                    for edge in station.incoming.values() if edge.alive
                    for stream, size in window.ended.streams.items() if stream in edge.streams
                )  # fmt: skip
                limits.append((room - reserve) * window.seconds / taken if taken else inf)
        found = min(limits)
        return found if found < inf else 0.0

    def _pass_on(self, streams: Mapping[int, int]) -> None:
        for edge in self._edges:
            if edge.alive:
                edge.bytes_moved += sum(streams.get(stream, 0) for stream in edge.streams)
        for station in self._stations:
            reached = {n for e in station.incoming.values() if e.alive for n in e.streams}
            for stream in reached & streams.keys():
                station.bytes_released[stream] += streams[stream]
                if station.device.alive and station.works:
                    station.device.durable_bytes[stream] += streams[stream]
                    station.device.written_bytes += streams[stream]


def _left(sender: Sender) -> int:
    if isinstance(sender, ModelReader):
        return sender.left_bytes
    return sender.reads.left_bytes if sender.reads else 0


def _object(sender: Sender) -> int:
    if isinstance(sender, ModelReader):
        return 0 if sender.left_bytes else -1
    return sender.reads.number if sender.reads else -1


def _read_on(sender: Sender, size_bytes: int, streams: Mapping[int, int]) -> None:
    for stream in sender.bytes_sent.keys() & streams.keys():
        sender.bytes_sent[stream] += streams[stream]
    if isinstance(sender, ModelReader):
        sender.left_bytes = max(1, sender.left_bytes - size_bytes)
    elif sender.reads:
        sender.reads.left_bytes = max(1, sender.reads.left_bytes - size_bytes)
