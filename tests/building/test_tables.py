"""Arrow tables as data objects: restored equal, or no version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flowbackup import Graph, api
from flowbackup.building import given
from flowbackup.errors import GraphError, SourceError, UsageError
from flowbackup.testing.compare import differences

ROWS = 1000


def table_of(rows: int = ROWS) -> pa.Table:
    words = [f"word {number % 7}" for number in range(rows)]
    return pa.table(
        {
            "number": pa.array(range(rows), pa.int64()),
            "word": pa.array(words).dictionary_encode(),
            "nested": pa.array([{"a": [number], "b": None} for number in range(rows)]),
        }
    ).replace_schema_metadata({"of": "a test"})


def graph_of(place: Path, table: object) -> Graph:
    graph = Graph("tables", catalog=str(place / "catalog.sqlite"), engine="local")
    graph.client("lab").object("results", table=table)
    graph.backup_group("primary", devices=[place / "nas"]).mirror(
        "offsite", devices=[place / "usb"]
    )
    return graph


class Batches:
    """What a Ray Dataset is asked for."""

    def __init__(self, *batches: Any) -> None:
        self._batches = batches

    def iter_batches(self, *, batch_size: int, batch_format: str) -> Iterator[pa.Table]:
        assert batch_format == "pyarrow"
        for batch in self._batches:
            if isinstance(batch, Exception):
                raise batch
            yield batch


class Stream:
    """What is no class of Arrow's, and speaks its language."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "give",
    [
        lambda table: table,
        lambda table: table.slice(0, 0),
        lambda table: pa.concat_tables([table.slice(0, 10), table.slice(10, 1)]),
        lambda table: table.to_reader(max_chunksize=100),
        Stream,
        lambda table: Batches(table.slice(0, 600), table.slice(600)),
    ],
    ids=["table", "empty", "chunked", "reader", "stream", "dataset"],
)
def test_what_was_given_comes_back_equal(give: Any, memory_path: Path) -> None:
    table = table_of()
    given_table = give(table)
    expected = given_table if isinstance(given_table, pa.Table) else table
    graph = graph_of(memory_path, given_table)
    done = graph.run(create=True)
    assert done.outcome == "success"
    back = graph.table("lab/results")
    assert back.equals(expected)
    assert back.schema.equals(expected.schema, check_metadata=True)


def test_a_dataset_without_rows_is_one_too(memory_path: Path) -> None:
    graph = graph_of(memory_path, Batches())
    assert graph.run(create=True).outcome == "success"
    assert graph.table("results").num_rows == 0


def test_batches_are_small_whatever_the_table_is(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "BATCH_ROWS_MAX", 64)
    pieces = list(given.TableSource(table_of()).pieces())
    assert len(pieces) > ROWS // 64
    with pa.ipc.open_stream(b"".join(bytes(piece) for piece in pieces)) as stream:
        assert max(batch.num_rows for batch in stream) == 64


def test_what_breaks_off_is_no_version(memory_path: Path) -> None:
    batches = Batches(table_of(), ValueError("a worker died"))
    done = graph_of(memory_path, batches).run(create=True)
    assert done.outcome == "failed"
    assert 'table "results" broke off: ValueError: a worker died' in repr(done)
    with pytest.raises(UsageError):
        graph_of(memory_path, True).table("results")


def test_batches_of_other_columns_are_no_version(memory_path: Path) -> None:
    batches = Batches(table_of(), pa.table({"other": [1]}))
    done = graph_of(memory_path, batches).run(create=True)
    assert done.outcome == "failed"


def test_batches_whose_numbers_are_narrower_are_widened(memory_path: Path) -> None:
    narrow = pa.table({"number": pa.array([3], pa.int32())})
    graph = graph_of(memory_path, Batches(pa.table({"number": [1, 2]}), narrow))
    assert graph.run(create=True).outcome == "success"
    assert graph.table("results").equals(pa.table({"number": [1, 2, 3]}))


def test_a_file_says_that_there_is_a_table_and_a_command_cannot_give_it(memory_path: Path) -> None:
    graph = graph_of(memory_path, table_of(10))
    assert "results: {table: true}" in graph.text
    again = Graph.from_text(graph.text)
    assert again.spec() == graph.spec() == graph_of(memory_path, True).spec()
    with pytest.raises(SourceError, match="only a Python program can give"):
        again.run(create=True)
    again.client("lab").object("results", table=table_of(10))
    assert again.run(create=True).outcome == "success"


def test_an_object_that_became_a_path_has_no_table_any_more(memory_path: Path) -> None:
    graph = graph_of(memory_path, table_of(10))
    (memory_path / "tree").mkdir()
    graph.client("lab").object("results", path=memory_path / "tree")
    assert graph.run(create=True).outcome == "success"


def test_what_is_no_table_is_refused_before_anything_is_made(memory_path: Path) -> None:
    with pytest.raises(UsageError, match="list is no table"):
        graph_of(memory_path, [1, 2]).run(create=True)
    assert not (memory_path / "nas").exists()


def test_a_table_is_where_its_program_is(memory_path: Path) -> None:
    graph = graph_of(memory_path, table_of(10))
    graph.node("far")
    graph.client("lab", node="far")
    with pytest.raises(GraphError) as caught:
        graph.check()
    assert "is a table of this program" in "\n".join(caught.value.findings)


def test_what_was_no_table_is_restored_as_a_file(memory_path: Path) -> None:
    (memory_path / "file").write_bytes(b"no table at all, and longer than a head")
    graph = Graph("tables", catalog=str(memory_path / "catalog.sqlite"), engine="local")
    graph.client("lab").object("file", path=memory_path / "file")
    graph.backup_group("primary", devices=[memory_path / "nas"])
    graph.run(create=True)
    with pytest.raises(UsageError, match="is no table"):
        graph.table("file")


def test_a_directory_of_checkpoints_is_a_data_object(memory_path: Path) -> None:
    """Checkpoints of a training are files that stay: the second run sends the new one only."""
    runs = memory_path / "runs"
    graph = Graph("training", catalog=str(memory_path / "catalog.sqlite"), engine="local")
    graph.client("lab").object("checkpoints", path=runs)
    graph.backup_group("primary", devices=[memory_path / "nas"])
    for number in (1, 2):
        checkpoint = runs / f"checkpoint_{number:06}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "weights.bin").write_bytes(bytes([number]) * 2_000_000)
        done = graph.run(create=True)
        assert done.report.bytes_new == 2_000_000
    graph.restore("checkpoints", target=memory_path / "back")
    assert list(differences(runs, memory_path / "back")) == []
    assert len(api.objects(memory_path / "catalog.sqlite")) == 1
