"""What interrupted sessions have left, and when that is no news any more."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from flowbackup.catalog import Catalog
from flowbackup.catalog.earlier import ObjectName
from flowbackup.catalog.holder import holder_text
from flowbackup.errors import CatalogError
from flowbackup.model.frame import Codec
from flowbackup.model.ids import id_text
from flowbackup.model.known import JournalPage
from flowbackup.model.report import Outcome, SessionReport
from tests.catalog.conftest import file_entry as entry
from tests.catalog.conftest import frame, header, identifier, medium, paged, place, record

SITE = ObjectName("web", "site", b"/srv/www")


@pytest.fixture(scope="module")
def dead() -> str:
    """The holder of a process that has ended."""
    code = "from flowbackup.catalog.holder import *; print(holder_text())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def begin(
    catalog: Catalog, number: int, holder: str, graph: str = "nightly", kind: str = "backup"
) -> bytes:
    session = identifier(number)
    catalog.begin_session(session, kind, graph, "", "here", number, holder)
    return session


def end(catalog: Catalog, session: bytes, exit_code: int = 0, kind: str = "backup") -> None:
    report = SessionReport(
        id_text(session), kind, "nightly", Outcome.SUCCESS, exit_code, "ray", 1, 0, 0, 0, 0, 0
    )
    catalog.end_session(report, 99)


def journal(catalog: Catalog, session: bytes, number: int, pages: int = 1) -> None:
    catalog.unfinished.add_journal(
        session,
        [JournalPage(identifier(number), *SITE, number, n, b"page%d" % n) for n in range(pages)],
    )


def left(catalog: Catalog, graph: str = "nightly", name: ObjectName = SITE) -> list[bytes]:
    found = catalog.unfinished.objects(graph, [name]).get(name, [])
    return [item.object_id for item in found]


def test_the_end_of_a_later_session_of_the_same_graph_and_kind_makes_up_for_it(
    catalog: Catalog, dead: str
) -> None:
    session = begin(catalog, 1, dead)
    begin(catalog, 2, dead, kind="verify")
    copy = begin(catalog, 3, dead, kind="copy")
    end(catalog, begin(catalog, 4, dead, graph="other"))
    found = catalog.unfinished.sessions
    assert [row.session for row in found()] == [copy, session]
    assert [row.session for row in found("other")] == []
    second = begin(catalog, 5, dead)
    assert [row.session for row in found("nightly")] == [second, copy, session]
    end(catalog, begin(catalog, 6, holder_text()), exit_code=130)
    assert len(found("nightly")) == 4
    end(catalog, begin(catalog, 7, holder_text()))
    assert [row.session for row in found()] == [copy]


def test_a_session_whose_graph_nobody_knows_may_be_of_any(catalog: Catalog) -> None:
    session = begin(catalog, 1, "", graph="")
    assert [row.session for row in catalog.unfinished.sessions("nightly")] == [session]
    journal(catalog, session, 1)
    assert left(catalog) == [identifier(1)]
    end(catalog, begin(catalog, 2, holder_text()))
    assert catalog.unfinished.sessions() == []


def test_a_session_that_lives_is_not_gone_on_with(catalog: Catalog, dead: str) -> None:
    journal(catalog, begin(catalog, 1, holder_text()), 1)
    assert left(catalog) == []
    journal(catalog, begin(catalog, 2, dead), 2)
    assert left(catalog) == [identifier(2)]
    assert left(catalog, "other") == []
    assert left(catalog, name=SITE._replace(source=b"/elsewhere")) == []


def test_a_version_ends_the_journals_of_its_object(catalog: Catalog, dead: str) -> None:
    first, second = begin(catalog, 1, dead), begin(catalog, 2, dead)
    journal(catalog, first, 1)
    journal(catalog, second, 2)
    assert left(catalog) == [identifier(2), identifier(1)]
    made = replace(record(identifier(3), frame(9)), session=second, started_ns=3)
    catalog.add_version(made, paged([entry(b"a"), entry(b"b"), entry(b"c")], 2, frame(8)))
    assert left(catalog) == [identifier(3)]
    (item,) = catalog.unfinished.objects("nightly", [SITE])[SITE]
    assert len(list(catalog.earlier.pages(item))) == 2
    end(catalog, second)
    assert left(catalog) == []


def test_a_version_takes_its_pages_from_its_journal(catalog: Catalog, dead: str) -> None:
    """And none from that of another state of the object."""
    first, session = begin(catalog, 1, dead), begin(catalog, 2, dead)
    journal(catalog, first, 1)
    pages = paged([entry(b"a"), entry(b"b"), entry(b"c")], 2, frame(8))
    told = [JournalPage(identifier(2), *SITE, 2, n, body) for n, (_, body) in enumerate(pages)]
    catalog.unfinished.add_journal(session, told)
    made = replace(record(identifier(2), frame(9)), session=session, started_ns=2)
    catalog.add_version(made, [(ref, ordinal) for ordinal, (ref, _) in enumerate(pages)])
    (version,) = catalog.versions()
    assert [e.path for e in catalog.entries(version, b"", recursive=True)] == [b"a", b"b", b"c"]
    assert left(catalog) == [identifier(2)]
    lost = replace(record(identifier(3), frame(10)), session=session, started_ns=3)
    new = paged([entry(b"d")], 2, frame(11))
    with pytest.raises(CatalogError, match="went missing"):
        catalog.add_version(lost, [(new[0][0], 0)])


def test_pages_come_in_order_and_each_once(catalog: Catalog, dead: str) -> None:
    session = begin(catalog, 1, dead)
    journal(catalog, session, 1, pages=3)
    journal(catalog, session, 1, pages=4)
    (item,) = catalog.unfinished.objects("nightly", [SITE])[SITE]
    pages = [b"page0", b"page1", b"page2", b"page3"]
    assert list(catalog.earlier.pages(item)) == [(page, None) for page in pages]


def test_holders_are_media_with_sound_copies(catalog: Catalog) -> None:
    for info in (medium(1), medium(2)):
        catalog.add_medium(info)
    name = frame(1)
    for info in (medium(1), medium(2)):
        catalog.add_durable([(header(name, identifier(5)), place(info, name))])
    both = {(name, medium(1).medium), (name, medium(2).medium)}
    assert set(catalog.earlier.holders(identifier(5))) == both
    catalog.mark_damaged(place(medium(2), name))
    assert list(catalog.earlier.holders(identifier(5))) == [(name, medium(1).medium)]


def test_holders_of_what_is_encrypted_are_told_from_others(catalog: Catalog) -> None:
    """Who goes on with an interrupted session under a key leans on nothing that has none."""
    catalog.add_medium(medium(1))
    for number, codec in ((1, Codec.ZSTD), (2, Codec.SEALED), (3, Codec.SEALED | Codec.ZSTD)):
        made = header(frame(number), identifier(5))._replace(codec=int(codec))
        catalog.add_durable([(made, place(medium(1), frame(number)))])
    held = {
        sealed: {name for name, _ in catalog.earlier.holders(identifier(5), sealed=sealed)}
        for sealed in (None, False, True)
    }
    assert held == {
        None: {frame(1), frame(2), frame(3)}, False: {frame(1)}, True: {frame(2), frame(3)},
    }  # fmt: skip
