"""What is left of a faulty file when its faults are cut out, so that one reading can name the
faults of form and those of meaning together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from flowbackup.spec.faults import PARTS, written_keys
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.tree import Key, Keys, Tree, Value

_ROUNDS_MAX = 4
"""Cutting a key can uncover that its part is incomplete, which is then cut as a whole."""


@dataclass(frozen=True, slots=True)
class Remains:
    """places: as those of a tree, of what is left.  dropped: names of the parts and sections that
    had to be cut out whole; what refers to them is no fault.  damaged: names of the parts that lost
    something, and may not be what they were."""

    spec: GraphSpec
    places: Mapping[Keys, tuple[int, int]]
    dropped: frozenset[str]
    damaged: frozenset[str]


def remains_of(tree: Tree, values: dict[str, Value]) -> Remains | None:
    """The rest of a graph after its faults were cut out; None where nothing sensible is left."""
    rest = Tree(tree.path, values, dict(tree.places))
    dropped: set[str] = set()
    damaged = {str(keys[1]) for keys in tree.faults if len(keys) > 1 and keys[0] in PARTS}
    for _ in range(_ROUNDS_MAX):
        try:
            spec = GraphSpec.model_validate(values)
            return Remains(spec, rest.places, frozenset(dropped), frozenset(damaged))
        except ValidationError as failure:
            places = [written_keys(e["loc"], rest) for e in failure.errors(include_url=False)]
            missing = [e["type"] == "missing" for e in failure.errors(include_url=False)]
            for keys, lacks in sorted(zip(places, missing, strict=True), key=_deepest_last_first):
                _cut(rest, keys[:-1] if lacks else keys, dropped)
            values.setdefault("graph", "unnamed")
    return None


def _deepest_last_first(fault: tuple[Keys, bool]) -> tuple[int, int]:
    """Items of a list are cut from its end, so that the places of the others stay true."""
    keys = fault[0]
    index = next((key for key in keys if isinstance(key, int)), 0)
    return -index, -len(keys)


def _cut(rest: Tree, keys: Keys, dropped: set[str]) -> None:
    if keys and keys[0] in PARTS and len(keys) <= 2:
        dropped.add(str(keys[-1]))
    at: Value = rest.value
    for key in keys[:-1]:
        at = _child(at, key)
    if keys and isinstance(at, dict):
        at.pop(str(keys[-1]), None)
    elif keys and isinstance(at, list) and isinstance(keys[-1], int) and keys[-1] < len(at):
        del at[keys[-1]]
        _close_up(rest, keys[:-1], keys[-1])


def _close_up(rest: Tree, keys: Keys, cut: int) -> None:
    """Items behind one that was cut have a lower number now, and stand where they stood."""
    depth = len(keys)
    moved = {}
    for place, at in rest.places.items():
        index = place[depth] if len(place) > depth and place[:depth] == keys else None
        if not isinstance(index, int) or index < cut:
            moved[place] = at
        elif index > cut:
            moved[(*keys, index - 1, *place[depth + 1 :])] = at
    rest.places = moved


def _child(value: Value, key: Key) -> Value:
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None
