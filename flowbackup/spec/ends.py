"""Ends of a coupling in Python: primary["nas"][0:4] >> offsite["usb"][0:4]."""

from __future__ import annotations

from typing import Protocol, TypedDict, TypeVar, Unpack

from flowbackup.errors import UsageError
from flowbackup.spec.endpoint import BufferRange, Endpoint, PinnedBuffers
from flowbackup.spec.fields import OnFailure, WhenSlow
from flowbackup.spec.options import Options


class CouplingOptions(TypedDict, total=False):
    """Those of a coupling; what is not written is as the group of the target says."""

    on_failure: OnFailure | None
    when_slow: WhenSlow | None
    lag_max: int | str | None
    rate_limit: int | str | None
    rate_windows: Options | None


class Coupling(Protocol):
    """The graph in which ends are coupled."""

    def couple(self, source: str, target: str, **options: Unpack[CouplingOptions]) -> None: ...

    def buffers_of(self, group: str) -> int: ...

    def device_of(self, group: str, device: str) -> str: ...


End = TypeVar("End", bound="BuffersEnd")


class BuffersEnd:
    """Buffers of a group, or of one agent of it.  Not a part of the graph: only a name in it."""

    def __init__(self, graph: Coupling, endpoint: Endpoint) -> None:
        self._graph = graph
        self.endpoint = endpoint

    def __getitem__(self, buffers: slice) -> BuffersEnd:
        """Some of an agent's buffers, as in [0:4].  Raises UsageError."""
        if self.endpoint.device is None:
            raise UsageError(f'write ["device"][0:4] behind {self}: buffers are those of an agent')
        most = self._graph.buffers_of(self.endpoint.group)
        first, last, step = buffers.start or 0, buffers.stop, buffers.step
        last = most if last is None else last
        if step not in (None, 1) or not 0 <= first < last:
            raise UsageError(f"{self}: {buffers} is no range of buffers")
        return BuffersEnd(self._graph, self.endpoint._replace(buffers=BufferRange(first, last)))

    def __rshift__(self, target: End) -> End:
        """Couples both; returns the target, so that a chain can be written in a row."""
        return self.couple(target)

    def couple(self, target: End, **options: Unpack[CouplingOptions]) -> End:
        """As `>>`, with options."""
        self._graph.couple(str(self), str(target), **options)
        return target

    @property
    def pinned(self) -> PinnedBuffers:
        """As an object names them to which it is assigned.  Raises UsageError."""
        _, device, buffers = self.endpoint
        if device is None or buffers is None:
            example = f'{self.endpoint.group}["nas"][0:4]'
            raise UsageError(f"an object is assigned to buffers, as in {example}")
        return PinnedBuffers(device, buffers)

    def __str__(self) -> str:
        return str(self.endpoint)

    def __repr__(self) -> str:
        return f"<buffers {self}>"


class GroupEnd(BuffersEnd):
    """All agents of a group; group["nas"] is one of them."""

    def __init__(self, graph: Coupling, name: str) -> None:
        super().__init__(graph, Endpoint(name))
        self.name = name

    def __getitem__(self, device: str | slice) -> BuffersEnd:
        """The agent of a device of this group, by its name or path.  Raises UsageError."""
        if isinstance(device, slice):
            return super().__getitem__(device)
        name = self._graph.device_of(self.name, device)
        return BuffersEnd(self._graph, Endpoint(self.name, name))


def pinned_text(buffers: str | BuffersEnd | None) -> str | None:
    """As in a file."""
    return str(buffers.pinned) if isinstance(buffers, BuffersEnd) else buffers
