"""Values as Arrow tables: a column for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

PLAIN = (str, int, float, bool)


def table_of(kind: type, rows: Sequence[object]) -> pa.Table:
    """Of a dataclass or named tuple.  Fields that hold more than one plain value are left out."""
    names = field_names(kind)
    columns = {name: [_plain(getattr(row, name)) for row in rows] for name in names}
    return table_from({name: values for name, values in columns.items() if _fits(values)})


def table_from(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """From columns by name."""
    return pa.table({name: pa.array(list(values)) for name, values in columns.items()})


def field_names(kind: type) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(item.name for item in fields(kind))
    found: tuple[str, ...] = getattr(kind, "_fields", ())
    return found


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _fits(values: Sequence[object]) -> bool:
    return all(value is None or isinstance(value, PLAIN) for value in values)
