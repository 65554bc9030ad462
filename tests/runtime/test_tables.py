"""A table of the program reaches a client that is another process, and so does its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from flowbackup import Graph

pytestmark = pytest.mark.ray


class Broken:
    def iter_batches(self, **_: object) -> Iterator[pa.Table]:
        yield pa.table({"number": range(1000)})
        raise ValueError("a worker died")


def test_tables_reach_a_client_on_ray(engine: str, memory_path: Path) -> None:
    table = pa.table({"number": range(300_000), "text": ["of some length"] * 300_000})
    graph = Graph("tables", catalog=str(memory_path / "catalog.sqlite"), engine=engine)
    lab = graph.client("lab").object("whole", table=table).object("broken", table=Broken())
    lab.object("small", table=table.slice(0, 3))
    graph.backup_group("primary", devices=[memory_path / "nas"])
    done = graph.run(create=True)
    ends = {row["name"]: row["outcome"] for row in done.objects.to_pylist()}
    assert ends == {"whole": "success", "broken": "failed", "small": "success"}
    assert "ValueError: a worker died" in repr(done)
    assert graph.table("lab/whole").equals(table)
    assert graph.table("lab/small").equals(table.slice(0, 3))
