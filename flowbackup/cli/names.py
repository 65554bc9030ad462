"""Ids, paths and times as text: for people short, for programs complete and without loss."""

from __future__ import annotations

from datetime import UTC, datetime

from flowbackup.model.ids import id_text
from flowbackup.model.published import path_fields as path_fields
from flowbackup.units import format_path
from flowbackup.units import one_line as one_line

ID_PREFIX_CHARACTERS = 18
"""The first 13 characters of a UUIDv7 are its milliseconds, in which two clients may begin; 12
random bits behind them keep the two apart."""


def short_id(value: bytes | str) -> str:
    """The prefix of an id that people see and may write."""
    return long_id(value)[:ID_PREFIX_CHARACTERS]


def long_id(value: bytes | str) -> str:
    return id_text(value) if isinstance(value, bytes) else value


def path_text(path: bytes) -> str:
    """A path on one line of a terminal."""
    return one_line(format_path(path))


def time_text(time_ns: int) -> str:
    """Local time to the second, "-" for a time that is not known."""
    if time_ns == 0:
        return "-"
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")
