"""Parts of a version."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowbackup.model.entry import Entry, EntryKind, path_order
from flowbackup.restore.sampling import Part, sampled

NAMES = st.lists(st.sampled_from([b"a", b"b", b"-", b"\xff"]), min_size=1, max_size=4)


@st.composite
def versions(draw: st.DrawFn) -> list[Entry]:
    """Entries in path order; everything that has something below it is a directory."""
    files = {b"/".join(names) for names in draw(st.lists(NAMES, max_size=20))}
    folders = {b"/".join(p.split(b"/")[:n]) for p in files for n in range(len(p.split(b"/")))}
    kinds = dict.fromkeys(files, EntryKind.FILE)
    kinds |= dict.fromkeys(folders | {b""}, EntryKind.DIRECTORY)
    return [Entry(path, kinds[path]) for path in sorted(kinds, key=path_order)]


@given(versions(), st.integers(1, 9))
def test_parts_hold_everything_once_and_the_way_to_it(entries: list[Entry], parts: int) -> None:
    chosen = [[*sampled(entries, Part(number, parts))] for number in range(parts)]
    files = [e.path for part in chosen for e in part if e.kind == EntryKind.FILE]
    assert sorted(files) == sorted(e.path for e in entries if e.kind == EntryKind.FILE)
    assert {e.path for part in chosen for e in part} == {e.path for e in entries}
    for part in chosen:
        paths = [entry.path for entry in part]
        assert paths == sorted(set(paths), key=path_order)
        for path in paths:
            assert not path or path.rpartition(b"/")[0] in paths


@given(versions(), versions(), st.integers(1, 9))
def test_a_file_is_in_the_same_part_of_every_version(
    one: list[Entry], other: list[Entry], parts: int
) -> None:
    number = {
        path: part
        for part in range(parts)
        for path in (e.path for e in sampled(one, Part(part, parts)) if e.kind == EntryKind.FILE)
    }
    for part in range(parts):
        for entry in sampled(other, Part(part, parts)):
            if entry.kind == EntryKind.FILE:
                assert number.get(entry.path, part) == part
