"""Tables as data objects: the bytes of an Arrow IPC stream, read while the graph runs."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from flowbackup.errors import UsageError
from flowbackup.plan.decided import ObjectPlan, Plan
from flowbackup.source.fed import giving

BATCH_ROWS_MAX = 65_536
"""So that of a table which comes as one batch not all is copied at once."""


class TableSource:
    """A Source: an Arrow table, what has `__arrow_c_stream__`, or a Ray Dataset.  What gives itself
    once only, as a RecordBatchReader, is for one run."""

    def __init__(self, table: Any) -> None:
        """Raises UsageError for what is no table."""
        if not (hasattr(table, "__arrow_c_stream__") or hasattr(table, "iter_batches")):
            raise UsageError(
                f"{type(table).__name__} is no table",
                remedy="give an Arrow table, what has __arrow_c_stream__, or a Ray Dataset",
            )
        self._table = table

    def absence(self) -> str:
        return ""

    def pieces(self) -> Generator[bytes | memoryview, None, None]:
        held = io.BytesIO()
        batches = self._batches()
        first = next(batches)
        with pa.ipc.new_stream(held, first.schema) as stream:
            stream.write(first)
            for batch in batches:
                yield _taken(held)
                same = batch.schema == first.schema
                stream.write(batch if same else batch.cast(first.schema))
        yield _taken(held)

    def _batches(self) -> Iterator[pa.Table | pa.RecordBatch]:
        """At least one, which may be empty and says what columns there are."""
        if hasattr(self._table, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(self._table)
            yield reader.schema.empty_table()
            for batch in reader:
                for start in range(0, batch.num_rows, BATCH_ROWS_MAX):
                    yield batch.slice(start, BATCH_ROWS_MAX)
            return
        is_empty = True
        for batch in self._table.iter_batches(batch_size=BATCH_ROWS_MAX, batch_format="pyarrow"):
            is_empty = False
            yield batch
        if is_empty:
            yield pa.table({})


def _taken(held: io.BytesIO) -> bytes:
    """What was written since the last time."""
    piece = held.getvalue()
    held.seek(0)
    held.truncate()
    return piece


@contextmanager
def with_tables(plan: Plan, tables: Mapping[str, object]) -> Iterator[Plan]:
    """The plan, of which inside each table can be read once.  tables: by client/name.  Raises
    UsageError for what is no table."""
    with giving({name: TableSource(table) for name, table in tables.items()}) as places:
        yield replace(plan, objects=tuple(_placed(item, places) for item in plan.objects))


def _placed(item: ObjectPlan, places: Mapping[str, tuple[str, str]]) -> ObjectPlan:
    place = places.get(f"{item.client}/{item.name}")
    if item.stream is None or place is None:
        return item
    return replace(item, stream=replace(item.stream, given=place))


def table_from_bytes(content: memoryview, name: str) -> pa.Table:
    """Of what was a table.  Raises UsageError for anything else."""
    try:
        return pa.ipc.open_stream(content).read_all()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{name} is no table: {error}", remedy="restore it as a file") from error
