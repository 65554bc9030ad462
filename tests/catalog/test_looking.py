"""find, history and diff, against a naive reading of the same versions."""

from __future__ import annotations

import fnmatch
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbackup.catalog import Catalog, hit_rows, open_catalog, search
from flowbackup.catalog.difference import Side
from flowbackup.catalog.rows import ChangeKind, DifferenceRow, VersionRow
from flowbackup.catalog.search import Search
from flowbackup.errors import NotFoundError, UsageError
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind, path_order
from flowbackup.model.pattern import path_matcher
from flowbackup.model.sameness import Aspect
from tests.catalog.conftest import frame, identifier, paged, record

BYTES = b"ab.%_\\[]!*?\n\xe4\xff/"


def file_of(path: bytes, content: bytes = b"", mtime_ns: int = 5, inode: int = 0) -> Entry:
    chunks = (ChunkRef(chunk_digest(content), len(content), frame(1), 0),) if content else ()
    return Entry(
        path, EntryKind.FILE, 0o644, size=len(content), mtime_ns=mtime_ns, inode=inode,
        chunks=chunks,
    )  # fmt: skip


def directory(path: bytes, mtime_ns: int = 5, inode: int = 0) -> Entry:
    return Entry(path, EntryKind.DIRECTORY, 0o755, mtime_ns=mtime_ns, inode=inode)


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (path_order(entry.path), entry.part))


class Shelf:
    """A catalog to which versions are added by their entries."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.looking = catalog.looking
        self._count = 0

    def add(self, entries: Sequence[Entry], name: str = "site", rows: int = 3) -> VersionRow:
        self._count += 1
        number = identifier(self._count)
        made = record(number, frame(self._count), name, finished_ns=self._count * 1000)
        self.catalog.add_version(made, paged(in_order(entries), rows, frame(self._count)))
        return next(row for row in self.catalog.versions() if row.object_id == number)

    def paths(self, **wanted: object) -> list[tuple[bytes, list[int]]]:
        rows = self.looking.find(self.catalog.versions(), Search(**wanted))  # type: ignore[arg-type]
        return [(row.entry.path, [version.number for version in row.versions]) for row in rows]

    def diff(self, one: VersionRow, other: VersionRow) -> list[tuple[str, bytes, tuple[str, ...]]]:
        rows = self.looking.differences(Side(one), Side(other))
        return [(row.kind, row.path, row.aspects) for row in rows]


@pytest.fixture
def shelf(catalog: Catalog) -> Shelf:
    return Shelf(catalog)


TREE = [
    directory(b""),
    directory(b"etc"),
    file_of(b"etc/a.conf", b"one", 10),
    file_of(b"etc/b%c", b"two!", 20),
    file_of(b"etc/\xff\n.conf", b"three", 30),
    Entry(b"etc/link", EntryKind.SYMLINK, target=b"a.conf", mtime_ns=40),
    file_of(b"top.conf", b"", 50),
]


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ({"patterns": (b"*.conf",)}, [b"etc/a.conf", b"etc/\xff\n.conf", b"top.conf"]),
        ({"patterns": (b"etc/*.conf",)}, [b"etc/a.conf", b"etc/\xff\n.conf"]),
        ({"patterns": (b"b%c", b"link")}, [b"etc/b%c", b"etc/link"]),
        ({"patterns": (b"A.CONF",)}, []),
        ({"patterns": (b"A.CONF",), "ignore_case": True}, [b"etc/a.conf"]),
        ({"regex": b"^etc/[ab]"}, [b"etc/a.conf", b"etc/b%c"]),
        ({"regex": b"CONF$", "ignore_case": True, "under": b"top.conf"}, [b"top.conf"]),
        ({"under": b"etc", "kinds": frozenset({EntryKind.FILE})},
         [b"etc/a.conf", b"etc/b%c", b"etc/\xff\n.conf"]),
        ({"kinds": frozenset({EntryKind.SYMLINK})}, [b"etc/link"]),
        ({"size_bytes_min": 4}, [b"etc/b%c", b"etc/\xff\n.conf"]),
        ({"size_bytes_max": 3}, [b"etc/a.conf", b"top.conf"]),
        ({"size_bytes_max": 3, "kinds": frozenset({EntryKind.DIRECTORY})}, []),
        ({"newer_ns": 20, "older_ns": 40}, [b"etc/b%c", b"etc/\xff\n.conf"]),
    ],
)  # fmt: skip
def test_find(wanted: dict[str, object], paths: list[bytes], shelf: Shelf) -> None:
    shelf.add(TREE)
    assert sorted(shelf.paths(**wanted)) == sorted((path, [1]) for path in paths)


def test_what_is_the_same_in_several_versions_is_one_row(shelf: Shelf) -> None:
    old, new = file_of(b"x/f", b"old"), file_of(b"x/f", b"new")
    for entry in (old, old, new, old):
        shelf.add([directory(b""), directory(b"x"), entry])
    shelf.add([directory(b""), directory(b"x")])
    shelf.add([directory(b""), old._replace(path=b"f")], "other")
    assert shelf.paths(patterns=(b"f",)) == [(b"f", [1]), (b"x/f", [1, 2, 4]), (b"x/f", [3])]


def test_a_file_in_parts_is_found_by_the_size_that_its_last_part_tells(shelf: Shelf) -> None:
    first = file_of(b"b", b"x" * 10)
    parts = [first, Entry(b"b", EntryKind.FILE, size=70, part=1, chunks=first.chunks * 6)]
    for rows in (1, 3):  # over pages, and in one
        shelf.add([directory(b""), file_of(b"a"), *parts, file_of(b"c", b"y" * 10)], rows=rows)
    assert shelf.paths(size_bytes_min=60) == [(b"b", [1, 2])]
    assert shelf.paths(size_bytes_min=10, size_bytes_max=60) == [(b"c", [1, 2])]
    (row,) = shelf.looking.find(shelf.catalog.versions(), Search(patterns=(b"b",)))
    assert (row.entry.size, len(row.entry.chunks)) == (70, 7)


def test_pages_of_an_older_catalog_are_searched_themselves(shelf: Shelf) -> None:
    shelf.add(TREE)
    shelf.add(TREE)
    before = shelf.paths(patterns=(b"*",), size_bytes_min=1)
    shelf.catalog._database.execute("DELETE FROM searched_pages")
    assert shelf.paths(patterns=(b"*",), size_bytes_min=1) == before != []


def test_only_pages_with_hits_are_read_whole(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The last row of a page may go on in the next one: that is seen without reading either."""
    shelf.add([directory(b""), *(file_of(b"%03d" % number) for number in range(89))], rows=10)
    read: list[int] = []
    real: Callable[..., dict[int, bytes]] = hit_rows.page_bodies

    def counting(database: object, pages: Sequence[int]) -> dict[int, bytes]:
        read.extend(pages)
        return real(database, pages)

    monkeypatch.setattr(hit_rows, "page_bodies", counting)
    assert shelf.paths(size_bytes_min=1 << 40) == []
    assert read == []
    assert len(shelf.paths(patterns=(b"07*",))) == 10
    assert 2 <= len(read) <= 3


def test_pages_that_are_searched_together_keep_their_order_and_their_rows(shelf: Shelf) -> None:
    """More than are under way at once, and of some only the last row or none."""
    names = [b"%04d%s" % (number, b"x" * (number % 3 == 1)) for number in range(400)]
    shelf.add([directory(b""), *map(file_of, names)], rows=2)
    assert shelf.paths(patterns=(b"*x",)) == [(name, [1]) for name in names if name[4:]]
    assert len(shelf.paths(kinds=frozenset({EntryKind.FILE}))) == len(names)


def test_no_regular_expression_is_refused(shelf: Shelf) -> None:
    shelf.add(TREE)
    with pytest.raises(UsageError, match="no regular expression"):
        shelf.paths(regex=b"(")


def test_a_page_is_read_once_however_many_versions_share_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    real: Callable[..., object] = search.unfold_searched

    def counting(body: bytes) -> object:
        read.append(body)
        return real(body)

    monkeypatch.setattr(search, "unfold_searched", counting)
    tree = [directory(b""), *(file_of(b"%03d" % number) for number in range(90))]
    for _ in range(10):
        shelf.add(tree, rows=10)
    assert shelf.paths(patterns=(b"077",)) == [(b"077", list(range(1, 11)))]
    assert len(read) == len(set(read)) == 10
    read.clear()
    assert shelf.paths(under=b"077") == [(b"077", list(range(1, 11)))]
    assert len(read) == 1


names = st.lists(st.sampled_from(BYTES), min_size=1, max_size=6).map(bytes)


@given(st.lists(names, min_size=1, max_size=8), names, st.booleans())
def test_patterns_mean_what_fnmatch_says(
    paths: list[bytes], pattern: bytes, ignore_case: bool
) -> None:
    """The quick first look of a search must not lose anything."""
    import pyarrow as pa

    column = pa.array(paths, pa.binary())
    wanted = Search(patterns=(pattern,), ignore_case=ignore_case)
    (mask,) = wanted._path_masks(column)
    matches = path_matcher([pattern], ignore_case=ignore_case)
    for path, may_match in zip(paths, mask.to_pylist(), strict=True):
        assert may_match or not matches(path)
        if not ignore_case:
            plain = pattern.strip(b"/")
            subject = path if b"/" in plain else path.rpartition(b"/")[2]
            assert matches(path) == fnmatch.fnmatchcase(subject, plain)


# History


def test_history_of_a_path(shelf: Shelf) -> None:
    root = directory(b"")
    one, two = file_of(b"f", b"one", 1), file_of(b"f", b"two", 2)
    for entries in ([root], [root, one], [root, one], [root, two], [root], [root, one]):
        shelf.add(entries)
    shelf.add([root], "other")
    rows = list(shelf.looking.history(shelf.catalog.versions(), b"f"))
    assert [(row.kind, [v.number for v in row.versions], row.aspects) for row in rows] == [
        (ChangeKind.ADDED, [2, 3], ()),
        (ChangeKind.CHANGED, [4], (Aspect.CONTENT, Aspect.TIME)),
        (ChangeKind.REMOVED, [5], ()),
        (ChangeKind.ADDED, [6], ()),
    ]


def test_a_further_name_that_becomes_the_first_has_not_changed(shelf: Shelf) -> None:
    first = file_of(b"a", b"content", inode=7)._replace(links=2)
    further = first._replace(path=b"b", hard_link=b"a", chunks=())
    alone = file_of(b"b", b"content", inode=7)
    old, new = shelf.add([directory(b""), first, further]), shelf.add([directory(b""), alone])
    (row,) = shelf.looking.history(shelf.catalog.versions(), b"b")
    assert [version.number for version in row.versions] == [1, 2]
    assert shelf.diff(old, new) == [(ChangeKind.REMOVED, b"a", ())]


# Differences


def test_what_differs_has_a_name(shelf: Shelf) -> None:
    old = file_of(b"f", b"old", 1)
    before = [directory(b""), directory(b"d", 1), old, file_of(b"gone", b"1"), file_of(b"same")]
    after = [
        directory(b"", 9), directory(b"d", 9), old._replace(mode=0o600, uid=7),
        file_of(b"come", b"2"), file_of(b"same"),
    ]  # fmt: skip
    one, two = shelf.add(before), shelf.add(after)
    assert shelf.diff(one, two) == [
        (ChangeKind.ADDED, b"come", ()),
        (ChangeKind.CHANGED, b"f", (Aspect.MODE, Aspect.OWNER)),
        (ChangeKind.REMOVED, b"gone", ()),
    ]
    assert shelf.diff(two, two) == []


def moves(rows: Sequence[DifferenceRow]) -> list[tuple[bytes, bytes]]:
    return [
        (row.before.path, row.path)
        for row in rows
        if row.kind is ChangeKind.MOVED and row.before is not None
    ]


def test_a_directory_that_was_renamed_takes_all_in_it_along(shelf: Shelf) -> None:
    inside = [(b"d/a", b"1", 11), (b"d/b", b"", 12)]
    one = shelf.add(
        [directory(b""), directory(b"d", 5, 10), *(file_of(n, c, 5, i) for n, c, i in inside)]
    )
    two = shelf.add(
        [directory(b""), directory(b"e", 6, 10),
         *(file_of(b"e" + n[1:], c, 5, i) for n, c, i in inside)]
    )  # fmt: skip
    rows = shelf.looking.differences(Side(one), Side(two))
    assert moves(rows) == [(b"d", b"e"), (b"d/a", b"e/a"), (b"d/b", b"e/b")]
    assert [row.aspects for row in rows] == [()] * 3


def test_an_inode_that_was_given_again_is_no_move(shelf: Shelf) -> None:
    one = shelf.add([directory(b""), directory(b"d", 5, 10), file_of(b"f", b"x", 5, 11)])
    two = shelf.add([directory(b""), directory(b"e", 6, 10), file_of(b"g", b"y", 5, 11)])
    assert moves(shelf.looking.differences(Side(one), Side(two))) == []


def test_the_same_content_elsewhere_is_a_move_if_name_or_time_came_along(shelf: Shelf) -> None:
    old = [file_of(b"f", b"same", 5), file_of(b"g", b"flag", 6), file_of(b"h", b"lock", 7)]
    new = [file_of(b"x/f", b"same", 8), file_of(b"x/g2", b"flag", 6), file_of(b"x/h2", b"lock", 9)]
    one = shelf.add([directory(b""), *old])
    two = shelf.add([directory(b""), directory(b"x"), *new])
    rows = shelf.looking.differences(Side(one), Side(two))
    assert moves(rows) == [(b"f", b"x/f"), (b"g", b"x/g2")]


def test_paths_are_compared_relative_to_the_places_that_were_named(shelf: Shelf) -> None:
    tree = [directory(b""), directory(b"a"), file_of(b"a/f", b"1"), directory(b"b")]
    version = shelf.add([*tree, file_of(b"b/f", b"1"), file_of(b"b/g", b"2")])
    rows = shelf.looking.differences(Side(version, b"a"), Side(version, b"b"))
    assert [(row.kind, row.path) for row in rows] == [(ChangeKind.ADDED, b"b/g")]
    with pytest.raises(NotFoundError, match="nothing"):
        shelf.looking.differences(Side(version), Side(version, b"nothing"))


def test_a_later_part_may_differ_behind_a_page_that_both_have(shelf: Shelf) -> None:
    first = file_of(b"b", b"x" * 10, 7)
    later = Entry(b"b", EntryKind.FILE, size=20, part=1, chunks=file_of(b"", b"y" * 10).chunks)
    root = directory(b"")
    grown = shelf.add([root, first, later], rows=2)
    other = later._replace(chunks=file_of(b"", b"z" * 10).chunks)
    changed = shelf.add([root, first, other], rows=2)
    short = shelf.add([root, first], rows=2)
    assert shelf.diff(grown, changed) == [(ChangeKind.CHANGED, b"b", (Aspect.CONTENT,))]
    assert shelf.diff(short, grown) == [(ChangeKind.CHANGED, b"b", (Aspect.CONTENT,))]


@pytest.mark.parametrize("seed", range(20))
def test_differences_of_random_trees(seed: int, tmp_path: Path) -> None:
    """Applied to the one, they give the other."""
    chance = random.Random(seed)
    with open_catalog(tmp_path / "c") as catalog:
        shelf = Shelf(catalog)
        trees = [_random_tree(chance) for _ in range(2)]
        one, two = (shelf.add(list(tree.values()), rows=chance.randrange(1, 9)) for tree in trees)
        tree = {path: _content(entry) for path, entry in trees[0].items()}
        for row in shelf.looking.differences(Side(one), Side(two)):
            if row.before is not None:
                assert tree.pop(row.before.path) == _content(row.before)
            if row.after is not None and row.kind is ChangeKind.CHANGED:
                assert row.aspects
        for row in shelf.looking.differences(Side(one), Side(two)):
            if row.after is not None:
                tree[row.after.path] = _content(row.after)
        assert tree == {path: _content(entry) for path, entry in trees[1].items()}


def _random_tree(chance: random.Random) -> dict[bytes, Entry]:
    tree = {b"": directory(b"")}
    for name in (b"a", b"b", b"a!"):
        tree[name] = directory(name)
        for _ in range(chance.randrange(12)):
            path = b"%s/%c" % (name, chance.choice(b"abcdefgh"))
            content = chance.choice([b"", b"1", b"22"])
            tree[path] = file_of(path, content, chance.randrange(3), chance.randrange(20))
    return tree


def _content(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.size, entry.chunks, 0 if entry.kind == 2 else entry.mtime_ns


def test_versions_that_a_query_means(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.add(TREE)
    found: dict[str, list[int]] = defaultdict(list)
    for query in ("site", "web/site", "site@2", "latest"):
        found[query] = [row.number for row in shelf.catalog.versions_meant(query)]
    assert found == {"site": [1, 2, 3], "web/site": [1, 2, 3], "site@2": [2], "latest": [3]}
