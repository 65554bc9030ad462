"""An end of a coupling as written: a group, one of its agents, and perhaps a range of buffers."""

from __future__ import annotations

import re
from typing import NamedTuple

from flowbackup.spec.names import check_name, shown

_ENDPOINT = re.compile(r"([^\s.\[\]]+)(?:\.([^\s.\[\]]+))?(?:\s*\[\s*(\d+)\s*:\s*(\d+)\s*\])?")
_PINNED = re.compile(r"\s*([^\s.\[\]]+)\s*\[\s*(\d+)\s*:\s*(\d+)\s*\]\s*")
_NUMBER_MAX = 10**6


class BufferRange(NamedTuple):
    """Buffers [first, last) of an agent."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"[{self.first}:{self.last}]"


class Endpoint(NamedTuple):
    """ "group", "group.device" or "group.device[0:4]"."""

    group: str
    device: str | None = None
    buffers: BufferRange | None = None

    def __str__(self) -> str:
        agent = f"{self.group}.{self.device}" if self.device else self.group
        return f"{agent}{self.buffers or ''}"


class PinnedBuffers(NamedTuple):
    """ "device[0:4]": the buffers to which a data object is assigned."""

    device: str
    buffers: BufferRange

    def __str__(self) -> str:
        return f"{self.device}{self.buffers}"


def parse_endpoint(text: str) -> Endpoint:
    """Raises ValueError "reason|remedy"."""
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f'"{shown(text)}" does not name buffers|Write group, group.device or group.device[0:4]'
        )
    group, device, first, last = match.groups()
    check_name(group)
    if device is not None:
        check_name(device)
    return Endpoint(group, device, None if first is None else _range(first, last))


def parse_coupling(text: str) -> tuple[Endpoint, Endpoint]:
    """Both ends of "source -> target".  Raises ValueError "reason|remedy"."""
    ends = text.split("->")
    if len(ends) != 2:
        raise ValueError(
            f'"{shown(text)}" is not a coupling|Write source -> target, one coupling per item'
        )
    return parse_endpoint(ends[0]), parse_endpoint(ends[1])


def parse_pinned(text: str) -> PinnedBuffers:
    """Raises ValueError "reason|remedy"."""
    match = _PINNED.fullmatch(text)
    if match is None:
        raise ValueError(f'"{shown(text)}" is not a range of buffers|Write device[0:4], in quotes')
    device, first, last = match.groups()
    return PinnedBuffers(check_name(device), _range(first, last))


def _range(first: str, last: str) -> BufferRange:
    if len(first) > 7 or len(last) > 7 or int(last) > _NUMBER_MAX:
        raise ValueError(f"a range ends at buffer {shown(last, 12)}|Ranges end at {_NUMBER_MAX}")
    if int(first) >= int(last):
        raise ValueError(
            f"the range [{first}:{last}] holds no buffer"
            "|The first number is the first buffer, the second is one behind the last"
        )
    return BufferRange(int(first), int(last))
