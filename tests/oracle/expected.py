"""A finding that the oracle expects."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.oracle.model import Keys


class Expected(NamedTuple):
    """places: the keys at one of which it stands; several where a knot of agents has several
    cycles, of which any one may be told."""

    rule: str
    places: frozenset[Keys]
    is_error: bool = True


def one(rule: str, *keys: Any, is_error: bool = True) -> Expected:
    """A finding with one place."""
    return Expected(rule, frozenset({keys}), is_error)
