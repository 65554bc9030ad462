"""What a session has heard of its media agents: what is durable where, and on which media."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.edges.wiring import Durable, Told

Keep = Callable[[str, Sequence[Durable]], None]
Welcome = Callable[[str, MediumInfo], None]


class Heard:
    """Each frame and each medium is heard of once, whoever tells of it how often."""

    def __init__(self, crew: Crew, keep: Keep, welcome: Welcome) -> None:
        """keep: receives what became durable on an agent, each frame once; welcome: an agent and a
        medium that it has begun, or that is on another device with which it goes on, before any
        frame on that."""
        self._crew = crew
        self._keep = keep
        self._welcome = welcome
        self._welcomed = {info.medium for media in crew.media.values() for info in media}
        self._last: dict[str, FramePlace] = {}
        self.seen: dict[str, int] = dict.fromkeys(crew.stations, 0)
        """How many frames its present media agent has told."""
        self.durable: dict[str, dict[bytes, int]] = {name: {} for name in crew.stations}
        """Agent -> object -> frames under a commit."""

    def join(self, name: str) -> None:
        """An agent was attached."""
        self.seen[name] = 0
        self.durable[name] = {}
        self._hear_media(name, self._crew.media[name])

    def tell(self, name: str, told: Told) -> None:
        """What a media agent has told since it was asked the last time."""
        new = self._hear_media(name, told.media)
        self._crew.media[name] = (*self._crew.media[name], *new)
        self.seen[name] += len(told.frames)
        self._hear_durable(name, told.frames)

    def succeed(self, name: str, left: Told, *, is_same_device: bool) -> None:
        """Another media agent goes on.  left: all that is on the device of the one before, in the
        order of writing."""
        self._hear_media(name, left.media)
        self._hear_durable(name, _behind(left.frames, self._last.get(name)))
        self.seen[name] = 0
        if not is_same_device:
            self._last.pop(name, None)
        self._hear_media(name, self._crew.media[name])

    def _hear_media(self, name: str, media: Sequence[MediumInfo]) -> list[MediumInfo]:
        """Which of them nobody has heard of before."""
        new = [info for info in media if info.medium not in self._welcomed]
        for info in new:
            self._welcomed.add(info.medium)
            self._welcome(name, info)
        return new

    def _hear_durable(self, name: str, frames: Sequence[Durable]) -> None:
        if not frames:
            return
        counts = self.durable[name]
        for frame in frames:
            object_id = frame.header.object_id
            counts[object_id] = counts.get(object_id, 0) + 1
        self._last[name] = frames[-1].place
        self._keep(name, frames)


def _behind(frames: Sequence[Durable], last: FramePlace | None) -> Sequence[Durable]:
    """The frames behind the one at this place, all for None.  A device that does not have any more
    what it told is believed nothing new: nothing may be counted twice."""
    for i in range(len(frames) - 1, -1, -1):
        if frames[i].place == last:
            return frames[i + 1 :]
    return frames if last is None else ()
