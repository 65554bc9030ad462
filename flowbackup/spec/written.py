"""What all parts of a graph file share, and how lists of it are read."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict


class Written(BaseModel):
    """Frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, populate_by_name=True, hide_input_in_errors=True
    )


def as_tuple(value: object) -> object:
    """YAML knows lists only; a strict tuple wants one."""
    return tuple(value) if isinstance(value, list) else value


def words_of(key: str) -> Callable[[object], object]:
    """Reads a program and its arguments.  A text would be read by a shell elsewhere, where a pipe
    hides what failed in it."""

    def read(value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f'"{key}" is a text|Write a list of words, as in [pg_dump, site]')
        if isinstance(value, list) and not value:
            raise ValueError(f'"{key}" is empty|Write a program and its arguments')
        return as_tuple(value)

    return read
