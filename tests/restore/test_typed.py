"""What people type or read off a screen means what is there, also where a name is no UTF-8."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from flowbackup import Graph, api
from flowbackup.errors import FlowbackupError, NotFoundError
from flowbackup.monitor import SilentMonitor
from flowbackup.requests import FindRequest
from flowbackup.ui.ticked import exclude_words, include_words
from flowbackup.units import format_path, one_line, paths_meant

FILES = (b"caf\xe9", b"d\xff/in\xfe", b"\xf0", b"plain", b"shown \\xe9", b"utf \xc3\xa9")
TYPED = pytest.mark.parametrize("as_shown", [False, True], ids=["bytes", "as shown"])


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One object "o" of these files, each of which holds its name."""
    place = tmp_path_factory.mktemp("typed")
    for path in FILES:
        file = Path(os.fsdecode(os.fsencode(place / "src") + b"/" + path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path)
    graph = Graph("g", catalog=str(place / "catalog.sqlite"), engine="local")
    graph.client("web").object("o", path=place / "src")
    graph.backup_group("primary", devices=[place / "nas"])
    assert graph.run(create=True).outcome == "success"
    return place / "catalog.sqlite"


def typed(path: bytes, *, as_shown: bool) -> str:
    return one_line(format_path(path)) if as_shown else os.fsdecode(path)


def restored(catalog: Path, target: Path, query: str = "o", **words: object) -> set[bytes]:
    request = api.RestoreRequest(catalog=catalog, **words)  # type: ignore[arg-type]
    target.mkdir()
    assert api.restore(query, str(target), request, SilentMonitor()).exit_code == 0
    root = os.fsencode(target) + b"/"
    return {
        os.path.join(folder, name).removeprefix(root)
        for folder, _, names in os.walk(root)
        for name in names
    }


@TYPED
@pytest.mark.parametrize("path", FILES, ids=map(format_path, FILES))
def test_a_path_that_is_typed_is_found(
    catalog: Path, tmp_path: Path, path: bytes, as_shown: bool
) -> None:
    query = f"o:{typed(path, as_shown=as_shown)}"
    # A single file keeps its name in a directory that is there.
    assert restored(catalog, tmp_path / "back", query) == {os.path.basename(path)}
    out = io.BytesIO()
    api.cat(query, out, catalog)
    assert out.getvalue() == path
    assert api.entry(query, catalog).path == path
    assert [entry.path for entry in api.entries(query, catalog)] == [path]
    archive = io.BytesIO()
    api.export_tar(query, archive, api.RestoreRequest(catalog=catalog), SilentMonitor())
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        assert [os.fsencode(name) for name in tar.getnames()] == [os.path.basename(path)]


@TYPED
@pytest.mark.parametrize("path", FILES, ids=map(format_path, FILES))
def test_a_pattern_that_is_typed_matches(
    catalog: Path, tmp_path: Path, path: bytes, as_shown: bool
) -> None:
    pattern = typed(path, as_shown=as_shown)
    assert restored(catalog, tmp_path / "one", include=(pattern,)) == {path}
    assert restored(catalog, tmp_path / "all", exclude=(pattern,)) == {*FILES} - {path}
    found = api.find(FindRequest(patterns=(pattern,)), catalog)
    assert [row.entry.path for row in found] == [path]


@TYPED
@pytest.mark.parametrize("path", FILES, ids=map(format_path, FILES))
def test_a_path_that_is_typed_is_followed_through_versions(
    catalog: Path, path: bytes, as_shown: bool
) -> None:
    query = f"o:{typed(path, as_shown=as_shown)}"
    (row,) = api.history(query, catalog)
    assert row.entry is not None and row.entry.path == path
    source = api.objects(catalog)[0].latest.record.source
    (row,) = api.history(typed(source + b"/" + path, as_shown=as_shown), catalog)
    assert row.entry is not None and row.entry.path == path
    assert [row.entry.path for row in api.find(FindRequest(query=query), catalog)] == [path]
    assert len(api.diff(query, "o:plain", catalog)) == (path != b"plain")


@TYPED
@pytest.mark.parametrize("path", FILES, ids=map(format_path, FILES))
def test_what_is_ticked_in_the_page_is_restored(
    catalog: Path, tmp_path: Path, path: bytes, as_shown: bool
) -> None:
    text = typed(path, as_shown=as_shown)
    include = tuple(word.partition("=")[2] for word in include_words([text]))
    assert restored(catalog, tmp_path / "one", include=include) == {path}
    exclude = tuple(word.partition("=")[2] for word in exclude_words([text]))
    assert restored(catalog, tmp_path / "all", exclude=exclude) == {*FILES} - {path}


def test_a_text_means_what_it_says_first() -> None:
    assert paths_meant(b"a/b") == (b"a/b",)
    assert paths_meant(b"caf\\xe9") == (b"caf\\xe9", b"caf\xe9")
    # No path is shown so: this one is UTF-8.
    assert paths_meant(b"\\xc3\\xa9") == (b"\\xc3\\xa9",)


@pytest.mark.parametrize("query", ["\udce9", "o\udce9", "o@\udce9", "\udce9/o", "\udce9@1"])
def test_a_name_that_is_no_text_is_not_found(catalog: Path, query: str) -> None:
    with pytest.raises(NotFoundError, match=r"there is no object|no such version"):
        list(api.entries(query, catalog))


def test_nothing_that_is_typed_is_a_fault_of_flowbackup(catalog: Path) -> None:
    for ask in (api.versions, api.stats):
        with pytest.raises(FlowbackupError):
            ask("\udce9", catalog)


@pytest.mark.parametrize(
    ("text", "shown"), [("a\udce9", r"a\xe9"), ("a\x1b", r"a\x1b"), ("\ud800", r"\ud800")]
)
def test_what_is_shown_is_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
