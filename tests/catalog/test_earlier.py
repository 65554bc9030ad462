"""Which earlier states of an object a run may refer to, and where their frames lie."""

from __future__ import annotations

from dataclasses import replace

from flowbackup.catalog import Catalog
from flowbackup.catalog.earlier import ObjectName
from flowbackup.catalog.holder import holder_text
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome, SessionReport
from tests.catalog.conftest import (
    file_entry,
    frame,
    header,
    identifier,
    medium,
    paged,
    place,
    record,
)

SITE = ObjectName("web", "site", b"/srv/www")


def add(catalog: Catalog, number: int, graph: str = "nightly", exit_code: int = 0) -> bytes:
    """A version of a session of its own, with its content in a frame of its own."""
    session, object_id = identifier(100 + number), identifier(number)
    catalog.begin_session(session, "backup", graph, "", "here", number, holder_text())
    made = replace(record(object_id, frame(number)), session=session, finished_ns=number)
    catalog.add_version(made, paged([file_entry(b"a", frame(number))], 1, frame(number)))
    report = SessionReport(
        id_text(session), "backup", graph, Outcome.SUCCESS, exit_code, "local", 1, 0, 0, 0, 0, 0
    )
    catalog.end_session(report, 99)
    return object_id


def newest(catalog: Catalog, graph: str = "nightly", name: ObjectName = SITE) -> list[bytes]:
    found = catalog.earlier.newest(graph, [name]).get(name, [])
    return [state.object_id for state in found]


def test_the_newest_of_all_and_of_the_same_graph(catalog: Catalog) -> None:
    assert newest(catalog) == []
    first, second = add(catalog, 1), add(catalog, 2)
    assert newest(catalog) == [second] != [first]
    third = add(catalog, 3, "weekly")
    assert newest(catalog) == [third, second]
    assert newest(catalog, "weekly") == [third]
    assert newest(catalog, "monthly") == [third]
    assert newest(catalog, name=SITE._replace(source=b"/elsewhere")) == []
    # What an interrupted session has left is for those who go on with it.
    add(catalog, 4, exit_code=130)
    assert newest(catalog) == [third, second]


def test_a_page_comes_with_its_place(catalog: Catalog) -> None:
    add(catalog, 1)
    entries = [file_entry(b"%03d" % n, frame(7)) for n in range(40)]
    pages = paged(entries, 1, frame(8))
    catalog.add_version(record(identifier(2), frame(8)), pages)
    (state,) = catalog.earlier.newest("", [SITE])[SITE][:1]
    found = list(catalog.earlier.pages(state))
    assert found == [(body, ref.ref) for ref, body in pages]
    assert all(isinstance(ref, ChunkRef) for _, ref in found)


def test_frames_of_earlier_versions_and_those_that_made_room_count(catalog: Catalog) -> None:
    fast, slow = medium(1), medium(2)
    for info in (fast, slow):
        catalog.add_medium(info)
        catalog.add_durable([(header(frame(1), identifier(1)), place(info, frame(1)))])
    add(catalog, 1)
    # It was written for another version, and this one refers to it.
    catalog.add_version(
        record(identifier(2), frame(5)), paged([file_entry(b"a", frame(1))], 1, frame(5))
    )
    both = {(frame(1), fast.medium), (frame(1), slow.medium)}
    assert set(catalog.earlier.holders(identifier(2))) == both
    catalog.add_freed(fast.medium, FreedSegment(1, 1, identifier(50), 123, 1, 4567))
    assert set(catalog.earlier.holders(identifier(2))) == both
    catalog.mark_damaged(place(slow, frame(1)))
    assert set(catalog.earlier.holders(identifier(2))) == set()
