"""Versions: numbered, named, and their entries found page by page."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.errors import CatalogError, DamageError, NotFoundError, UsageError
from flowbackup.frame.page import PageRef
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, path_order
from flowbackup.model.ids import id_text
from tests.catalog.conftest import directory_entry, file_entry, frame, identifier, paged, record

TREE = [
    directory_entry(b""),
    directory_entry(b"a"),
    file_entry(b"a/b"),
    directory_entry(b"a/c"),
    *(file_entry(b"a/c/%03d" % number) for number in range(40)),
    file_entry(b"a/d"),
    file_entry(b"a-b"),
    file_entry(b"a\xff"),
    file_entry(b"b"),
]


def add(catalog: Catalog, number: int, **names: object) -> int:
    return catalog.add_version(record(identifier(number), frame(0), **names), [])  # type: ignore[arg-type]


def test_versions_are_numbered_per_client_and_name(catalog: Catalog) -> None:
    assert [add(catalog, n, finished_ns=n) for n in (1, 2)] == [1, 2]
    assert add(catalog, 3, client="db", finished_ns=3) == 1
    assert add(catalog, 1, finished_ns=1) == 1
    web = catalog.objects()[1]
    assert (web.client, web.name, web.versions, web.latest.number) == ("web", "site", 2, 2)
    assert [row.number for row in catalog.versions(web)] == [1, 2]
    assert [str(row) for row in catalog.versions()] == ["web/site@1", "web/site@2", "db/site@1"]
    assert [str(row) for row in catalog.versions_of_session(record(b"", frame(0)).session)] == [
        "db/site@1", "web/site@1", "web/site@2",
    ]  # fmt: skip
    assert pickle.loads(pickle.dumps(web)) == web


def test_known_id_with_other_content_is_refused(catalog: Catalog) -> None:
    add(catalog, 1)
    with pytest.raises(CatalogError, match="other content"):
        catalog.add_version(replace(record(identifier(1), frame(0)), files=9), [])


@pytest.fixture
def named(catalog: Catalog) -> Catalog:
    add(catalog, 0x111, finished_ns=10**18)
    add(catalog, 0x222, finished_ns=2 * 10**18)
    add(catalog, 0x333, name="mail@1", client="db", finished_ns=10**18 + 1)
    add(catalog, 0x444, name="both", client="db", finished_ns=10**18 + 2)
    add(catalog, 0x555, name="both", client="web", finished_ns=10**18 + 3)
    return catalog


@pytest.mark.parametrize(
    ("query", "as_of", "found"),
    [
        ("latest", "", "web/site@2"),
        ("latest", "2002-01-01", "web/both@1"),
        ("site", "", "web/site@2"),
        ("web/site", "", "web/site@2"),
        ("site", "2002-01-01T00:00", "web/site@1"),
        ("site@1", "", "web/site@1"),
        ("web/site@2", "", "web/site@2"),
        ("mail@1", "", "db/mail@1@1"),
        ("mail@1@1", "", "db/mail@1@1"),
        ("db/both", "", "db/both@1"),
        (id_text(identifier(0x222)), "", "web/site@2"),
        (id_text(identifier(0x222))[:15], "", "web/site@2"),
    ],
)
def test_what_people_write_is_found(named: Catalog, query: str, as_of: str, found: str) -> None:
    assert str(named.resolve(query, as_of)) == found


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ("sote", NotFoundError, 'did you mean "web/site"?'),
        ("site@3", NotFoundError, "no such version"),
        ("site@99999999999999999999", NotFoundError, "no such version"),
        ("both", UsageError, "db/both@1 .* web/both@1"),
        ("0000", UsageError, "may mean 5 versions"),
        ("000", NotFoundError, "no object"),
        ("%", NotFoundError, "no object"),
        ("", NotFoundError, "no object"),
    ],
)
def test_what_is_not_there_is_said(
    named: Catalog, query: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        named.resolve(query)


def test_time_before_everything_and_no_time(named: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="by 1971"):
        named.resolve("site", "1971-01-01")
    with pytest.raises(UsageError, match="not a time"):
        named.resolve("site", "yesterday")
    with open_catalog(tmp_path / "empty") as empty, pytest.raises(NotFoundError, match="backup"):
        empty.resolve("latest")


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("under", [b"", b"a", b"a/b", b"a/c", b"a/c/017", b"a-b", b"a\xff", b"b"])
def test_entries_are_those_of_the_tree(catalog: Catalog, size: int, under: bytes) -> None:
    catalog.add_version(record(identifier(1), frame(0)), paged(TREE, size, frame(0)))
    version = catalog.resolve("latest")
    below = [e for e in TREE if not under or e.path == under or e.path.startswith(under + b"/")]
    assert list(catalog.entries(version, under)) == below
    depth = len(path_order(under)) + 1
    children = [e for e in below if len(path_order(e.path)) <= depth]
    assert list(catalog.entries(version, under, recursive=False)) == children
    assert catalog.entry(version, under).path == under


@pytest.mark.parametrize("under", [b"a/", b"a/c/0", b"zz", b"a/c/017/x", b"A"])
def test_missing_paths_are_said(catalog: Catalog, under: bytes) -> None:
    catalog.add_version(record(identifier(1), frame(0)), paged(TREE, 7, frame(0)))
    version = catalog.resolve("latest")
    with pytest.raises(NotFoundError):
        list(catalog.entries(version, under))
    with pytest.raises(NotFoundError):
        catalog.entry(version, under)


def test_a_look_up_decodes_few_pages(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowbackup.catalog import pages

    entries = [directory_entry(b"d"), *(file_entry(b"d/%05d" % n) for n in range(2000))]
    entries += [file_entry(b"e"), file_entry(b"f")]
    catalog.add_version(record(identifier(1), frame(0)), paged(entries, 20, frame(0)))
    version = catalog.resolve("latest")
    decoded: list[int] = []
    whole = pages.decode_page
    monkeypatch.setattr(pages, "decode_page", lambda data: decoded.append(len(data)) or whole(data))
    assert catalog.entry(version, b"d/01234").path == b"d/01234"
    assert len(decoded) <= 2
    decoded.clear()
    found = [entry.path for entry in catalog.entries(version, b"", recursive=False)]
    assert found == [b"d", b"e", b"f"]
    assert len(decoded) <= 3


def test_parts_of_a_big_file_are_one_entry(catalog: Catalog) -> None:
    refs = [ChunkRef(bytes([n]) * 32, 10, frame(n), 0) for n in range(6)]
    whole = file_entry(b"big")._replace(size=60, chunks=tuple(refs))
    parts = [whole._replace(chunks=(ref,), part=n) for n, ref in enumerate(refs)]
    entries = [file_entry(b"a"), *parts, file_entry(b"c")]
    for number, size in enumerate((1, 2, 4), 1):
        catalog.add_version(record(identifier(number), frame(9)), paged(entries, size, frame(9)))
        version = catalog.resolve("latest")
        assert list(catalog.entries(version)) == [entries[0], whole, entries[-1]]
        assert list(catalog.entries(version, b"", recursive=False)) == [
            entries[0], whole, entries[-1],
        ]  # fmt: skip
        assert catalog.entry(version, b"big") == whole


def test_shared_pages_are_stored_once(catalog: Catalog) -> None:
    pages = paged(TREE, 10, frame(0))
    for number in (1, 2, 3):
        catalog.add_version(record(identifier(number), frame(0)), pages)
    stored = catalog._database.one("SELECT count(*) FROM pages")[0]
    assert stored == len(pages)
    assert [len(list(catalog.entries(row))) for row in catalog.versions()] == [len(TREE)] * 3


def test_a_damaged_page_adds_nothing(catalog: Catalog) -> None:
    page = PageRef(b"a", 1, ChunkRef(bytes(32), 3, frame(0), 0))
    with pytest.raises(DamageError):
        catalog.add_version(record(identifier(1), frame(0)), [(page, b"abc")])
    assert catalog.objects() == []


NAMES = st.sampled_from([b"a", b"a-", b"a0", b"\x01", b"\xff", b"b"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


@settings(max_examples=40, deadline=None)
@given(paths=st.sets(PATHS, min_size=1, max_size=40), under=PATHS, size=st.integers(1, 9))
def test_any_prefix_in_any_pages(
    tmp_path_factory: pytest.TempPathFactory, paths: set[bytes], under: bytes, size: int
) -> None:
    entries: list[Entry] = [file_entry(path) for path in sorted(paths, key=path_order)]
    with open_catalog(tmp_path_factory.mktemp("c") / "c") as catalog:
        catalog.add_version(record(identifier(1), frame(0)), paged(entries, size, frame(0)))
        version = catalog.resolve("latest")
        below = [p.path for p in entries if p.path == under or p.path.startswith(under + b"/")]
        try:
            found = [entry.path for entry in catalog.entries(version, under)]
        except NotFoundError:
            found = []
    assert found == below
