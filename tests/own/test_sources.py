"""Sources that a package brings, and what becomes of those that do not as they should."""

from __future__ import annotations

import io
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest

from flowbackup import Graph, api
from flowbackup.errors import GraphError, InterruptedSessionError, SourceError
from flowbackup.model.report import Outcome
from flowbackup.source.fed import giving, open_given, open_source
from flowbackup.source.own import own_source
from flowbackup.source.port import Source
from flowbackup.source.stream import Stream, StreamLimits
from flowbackup.testing.source_conformance import SourceConformance

LIMITS = StreamLimits(30)


def make_database(place: Path) -> Path:
    path = place / "orders.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table orders (number integer, what text)")
        rows = ((number, f"item {number}" * 20) for number in range(2000))
        database.executemany("insert into orders values (?, ?)", rows)
        database.commit()
    return path


def copy_of(path: Path) -> bytes:
    copy = path.with_name("copy")
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    data = copy.read_bytes()
    copy.unlink()
    return data


def rows_in(data: bytes, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        return database.execute(query).fetchall()


def read_whole(path: Path) -> bytes:
    return b"".join(map(bytes, own_source("sqlite", {"database": str(path)}).pieces()))


class TestSqliteSource(SourceConformance):
    kind = "sqlite"
    wrong_options = ({}, {"database": 7}, {"database": "here.sqlite"}, {"databse": "/x"})

    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path) -> None:
        self.database = make_database(tmp_path)
        self.options = {"database": str(self.database)}

    def expected(self) -> bytes:
        return copy_of(self.database)


@pytest.mark.parametrize(
    "name", ["a b", "a?b", "a#b", "a%41b", "a%zz", "o'clock", "\u00e4", os.fsdecode(b"\xff")]
)
def test_a_database_may_be_called_anything(tmp_path: Path, name: str) -> None:
    path = make_database(tmp_path).rename(tmp_path / name)
    assert rows_in(read_whole(path), "select count(*) from orders") == [(2000,)]
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]


def test_whatever_is_in_a_database_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "strange.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("""create table "o'clock" (what)""")
        database.execute("""insert into "o'clock" values
            ('a' || char(0) || 'b'), (9e999), (x'ff00'), (null)""")
        database.execute("create virtual table found using fts5(text)")
        database.execute("insert into found values ('a word')")
        database.commit()
    data = read_whole(path)
    whats = rows_in(data, """select what from "o'clock\"""")
    assert whats == [("a\0b",), (float("inf"),), (b"\xff\0",), (None,)]
    assert rows_in(data, "select text from found where found match 'word'") == [("a word",)]


def test_what_others_write_meanwhile_is_of_another_state(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    expected = copy_of(path)
    with closing(own_source("sqlite", {"database": str(path)}).pieces()) as pieces:
        first = bytes(next(pieces))
        with closing(sqlite3.connect(path, timeout=0)) as database:
            database.execute("delete from orders")
            database.commit()
        assert first + b"".join(map(bytes, pieces)) == expected


def graph_of(place: Path, **options: object) -> Graph:
    graph = Graph("own", catalog=str(place / "catalog.sqlite"), engine="local")
    graph.client("web").object("orders", source="sqlite", options=options)  # type: ignore[arg-type]
    graph.backup_group("primary", devices=[place / "nas"]).mirror(
        "offsite", devices=[place / "usb"]
    )
    return graph


def test_a_source_of_a_package_is_backed_up_and_restored(memory_path: Path) -> None:
    database = make_database(memory_path)
    graph = graph_of(memory_path, database=str(database))
    again = Graph.from_text(graph.text)
    assert again.spec() == graph.spec()
    assert "source: sqlite" in graph.text
    done = again.run(create=True)
    assert done.outcome == "success"
    assert done.report.bytes_source == len(copy_of(database))
    held = io.BytesIO()
    api.cat("orders:", held, memory_path / "catalog.sqlite")
    assert held.getvalue() == copy_of(database)
    assert "source sqlite" in graph.draw("text")


def test_what_is_missing_or_wrong_is_told_before_anything_is_read(memory_path: Path) -> None:
    for options, told in (
        ({"database": "/no/such.sqlite"}, "there is no database /no/such.sqlite"),
        ({"database": "relative"}, "database is to be an absolute path"),
    ):
        with pytest.raises(SourceError, match=told):
            graph_of(memory_path, **options).run(create=True)


def test_a_kind_that_nobody_brings_is_named_with_those_that_are_there(memory_path: Path) -> None:
    graph = graph_of(memory_path)
    graph.client("web").object("orders", source="mongo")
    with pytest.raises(SourceError, match=r'brings a source "mongo" \(.*sqlite'):
        graph.run(create=True)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("source: sqlite, path: /srv", "has path and source"),
        ("path: /srv, options: {a: 1}", "has options and no source"),
        ("source: sqlite, options: {a: [1]}", 'option "a" is no plain value'),
        ("source: sqlite, exclude: ['*']", "leaves out parts of a stream"),
        ("table: true, stdin: true", "has stdin and table"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: str, told: str) -> None:
    with pytest.raises(GraphError) as caught:
        Graph.from_text(f"graph: g\nclients: {{web: {{objects: {{o: {{{written}}}}}}}}}\n")
    assert told in "\n".join(caught.value.findings)


# Sources that do not as they should


class Made:
    """A source of some pieces."""

    def __init__(self, pieces: Callable[[], Generator[bytes | memoryview, None, None]]) -> None:
        self.pieces = pieces

    def absence(self) -> str:
        return ""


def good() -> Generator[bytes | memoryview, None, None]:
    yield b"head"
    yield b""
    yield memoryview(b"x" * 3_000_000)[::1]
    yield memoryview(b"tail")


def half() -> Generator[bytes | memoryview, None, None]:
    yield b"half of it"
    raise ConnectionResetError("the server has gone")


def none() -> Generator[bytes | memoryview, None, None]:
    raise BrokenPipeError("at once")
    yield b""


def opened(way: str, source: Source, limits: StreamLimits = LIMITS) -> bytes:
    """All that it gives, in one of the two ways in which it is read."""
    if way == "own":
        with open_source(source, "it", limits) as stream:
            return everything(stream)
    with giving({"it": source}) as places, open_given(places["it"], "it", limits) as stream:
        return everything(stream)


def everything(stream: Stream) -> bytes:
    got, view = bytearray(), memoryview(bytearray(100_000))
    while count := stream.fill(view):
        got += view[:count]
    return bytes(got)


WAYS = pytest.mark.parametrize("way", ["own", "given"])


@WAYS
def test_a_good_end(way: str) -> None:
    assert opened(way, Made(good)) == b"head" + b"x" * 3_000_000 + b"tail"


@WAYS
@pytest.mark.parametrize(
    ("pieces", "told"),
    [(half, "ConnectionResetError: the server has gone"), (none, "BrokenPipeError: at once")],
)
def test_a_bad_end_is_told(
    way: str, pieces: Callable[[], Generator[bytes | memoryview, None, None]], told: str
) -> None:
    with pytest.raises(SourceError, match=f"it broke off: {told}"):
        opened(way, Made(pieces))


@WAYS
def test_one_that_hangs_is_not_waited_for(way: str) -> None:
    released = threading.Event()

    def pieces() -> Generator[bytes | memoryview, None, None]:
        yield b"x"
        released.wait(60)

    with pytest.raises(SourceError, match=r"has given nothing for 0\.3 s"):
        opened(way, Made(pieces), StreamLimits(0.3))
    released.set()


@WAYS
def test_a_session_that_is_ended_closes_its_source(way: str) -> None:
    closed, stopped = threading.Event(), threading.Event()

    def pieces() -> Generator[bytes | memoryview, None, None]:
        try:
            for _ in range(1000):
                yield bytes(100_000)
                stopped.set()
        finally:
            closed.set()

    with pytest.raises(InterruptedSessionError):
        opened(way, Made(pieces), StreamLimits(30, stopped.is_set))
    assert closed.wait(60)


def test_a_program_that_ended_without_a_word_makes_no_version() -> None:
    told, telling = os.pipe()
    os.close(telling)
    with giving({"it": Made(good)}) as places:
        of_bytes, _ = places["it"]
        with pytest.raises(SourceError, match="it broke off: its program has ended"):
            with open_given((of_bytes, f"/proc/self/fd/{told}"), "it", LIMITS) as stream:
                everything(stream)
    os.close(told)


def test_a_package_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    place = tmp_path / "broken-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (place / "entry_points.txt").write_text("[flowbackup.sources]\nbroken = nowhere:Source\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(SourceError, match="look after nowhere:Source"):
            own_source("broken", {})
    finally:
        sys.path.remove(str(tmp_path))


def test_an_object_whose_source_broke_off_is_no_version(memory_path: Path) -> None:
    database = make_database(memory_path)
    with database.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 100_000)
    done = graph_of(memory_path, database=str(database)).run(create=True)
    assert done.outcome == Outcome.FAILED
    assert done.objects.column("version").to_pylist() == [0]
    (problem,) = done.report.problems
    assert "source sqlite broke off: DatabaseError" in problem.text
