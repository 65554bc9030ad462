"""What a program says of a part of a graph: keys and values as in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowbackup.spec.tree import Value

Section = dict[str, dict[str, Value]]
Options = Mapping[str, Value | Sequence[str]]
"""Keys and values as in the file."""


def written(**options: Value) -> dict[str, Value]:
    """What was really asked for: options that are None were not."""
    return {key: value for key, value in options.items() if value is not None}


def values_of(options: Options | None) -> dict[str, Value] | None:
    """As a file would have them: lists for whatever holds several values."""
    if options is None:
        return None
    return {
        key: list(value) if isinstance(value, (tuple, list)) else value  # type: ignore[misc]
        for key, value in options.items()
    }
