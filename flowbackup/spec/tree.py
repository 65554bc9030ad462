"""A graph file as plain values, with a place for each and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowbackup.spec.finding import Finding
from flowbackup.spec.scalars import Scalar

TEXT_BYTES_MAX = 1 << 20
"""10,000 media agents fit in a third of this."""

Key = str | int
Keys = tuple[Key, ...]
Value = Scalar | dict[str, "Value"] | list["Value"]


@dataclass(slots=True)
class Tree:
    """value: what was written, None where it could not be read.  places: keys -> (line, column)
    of the key or item, from 1.  faults: the keys at which `findings` were made."""

    path: str
    value: Value = None
    places: dict[Keys, tuple[int, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    faults: set[Keys] = field(default_factory=set)

    def place(self, *keys: Key) -> str:
        """ "file:line:column" of the nearest thing that was written there."""
        return place_in(self.path, self.places, keys)


def place_in(path: str, places: Mapping[Keys, tuple[int, int]], keys: Keys) -> str:
    """ "file:line:column" of the longest beginning of `keys` that was written."""
    while keys and keys not in places:
        keys = keys[:-1]
    line, column = places.get(keys, (1, 1))
    return f"{path}:{line}:{column}"
