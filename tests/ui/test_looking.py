"""The catalog through the page: what is there, through time, where its copies are, and contents."""

from __future__ import annotations

import base64
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from flowbackup import api
from flowbackup.model.ids import id_text
from flowbackup.monitor import Monitor, Problem
from flowbackup.ui import contents
from flowbackup.ui.app import make_app
from flowbackup.ui.contents import PREVIEW_BYTES, TICKET_SECONDS, Download, Tickets, _pieces
from flowbackup.ui.refusal import Refused
from flowbackup.ui.settings import Settings
from tests.local_backup import LocalBackup, damage
from tests.ui.conftest import ADDRESS, Page
from tests.ui.test_jobs import wait_until

STRANGE = b"na\xefve.txt"
LETTERS = "ä" * PREVIEW_BYTES


class Shelf:
    """Two versions of web/site on two devices, shown by a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.source = page.root / "site"
        self.backup = LocalBackup(page.root.parent, "nas", "usb")
        (self.source / "sub").mkdir(parents=True)
        (self.source / "index.html").write_text("<script>alert(1)</script>")
        (self.source / "sub" / "letters.txt").write_text(LETTERS)
        (self.source / "sub" / "noise.bin").write_bytes(b"\0" + os.urandom(200_000))
        Path(os.fsdecode(os.fsencode(self.source) + b"/" + STRANGE)).write_text("strange")
        (self.source / "link").symlink_to("/etc/passwd")
        self.first = self.backup.run(self.source, "nas", "usb")
        (self.source / "index.html").write_text("changed")
        (self.source / "new.txt").write_text("new")
        self.second = self.backup.run(self.source, "nas", "usb")
        self.id = id_text(self.second.object_id)
        self.id_before = id_text(self.first.object_id)

    def ls(self, path: str = "", **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.get("ls", version=self.id, path=path, **more)[
            "rows"
        ]
        return found


@pytest.fixture
def shelf(page: Page) -> Shelf:
    return Shelf(page)


def test_objects_and_their_versions(shelf: Shelf) -> None:
    (row,) = shelf.page.get("objects")["rows"]
    assert (row["client"], row["name"], row["versions"]) == ("web", "site", 2)
    assert row["source"] == str(shelf.source) and row["source_base64"] is None
    versions = shelf.page.get("versions", object="web/site")["rows"]
    assert [(v["version"], v["object_id"]) for v in versions] == [
        (2, shelf.id),
        (1, shelf.id_before),
    ]
    assert versions[0]["copies_durable"] == 2
    assert versions[0]["finished_ns"].isdigit() and len(versions[0]["finished_ns"]) == 19


def test_a_directory_is_listed_without_itself_and_in_pages(shelf: Shelf) -> None:
    names = [row["path"] for row in shelf.ls()]
    assert names == ["index.html", "link", "na\\xefve.txt", "new.txt", "sub"]
    assert [row["path"] for row in shelf.ls("sub")] == ["sub/letters.txt", "sub/noise.bin"]
    first = shelf.page.get("ls", version=shelf.id, limit=2)
    rest = shelf.page.get("ls", version=shelf.id, limit=200, after=first["next"])
    assert [row["path"] for row in (*first["rows"], *rest["rows"])] == names


def test_a_name_that_is_no_text_comes_and_is_asked_for_as_bytes(shelf: Shelf) -> None:
    (row,) = (row for row in shelf.ls() if row["path_base64"])
    assert base64.b64decode(row["path_base64"]) == STRANGE
    shown = shelf.page.get("preview", version=shelf.id, path_base64=row["path_base64"])
    assert shown["text"] == "strange"


def test_find_history_diff_copies_and_why(shelf: Shelf) -> None:
    (found,) = shelf.page.get("find", pattern="index.*", limit=1)["rows"]
    assert (found["path"], found["versions"]) == ("index.html", [1])
    history = shelf.page.get("history", place="site:index.html")["rows"]
    assert [(row["change"], row["versions"]) for row in history] == [
        ("added", [1]), ("changed", [2])
    ]  # fmt: skip
    rows = shelf.page.get("diff", before=shelf.id_before, after=shelf.id)["rows"]
    assert {(row["change"], row["path"]) for row in rows} == {
        ("changed", "index.html"), ("added", "new.txt")
    }  # fmt: skip
    copies = shelf.page.get("copies", version=shelf.id)
    assert {(row["device"], row["complete"]) for row in copies} == {("nas", True), ("usb", True)}
    (why,) = shelf.page.get("why", path=str(shelf.source / "index.html"))
    assert (why["object"], why["kept"]) == ("web/site", True)


def test_what_is_not_there_is_404(shelf: Shelf) -> None:
    nothing = "01940c00-0000-7000-8000-000000000000"
    for path, query in (
        ("ls", {"version": nothing}), ("versions", {"object": "web/other"}),
        ("preview", {"version": shelf.id, "path": "nothing"}), ("copies", {"version": nothing}),
        ("history", {"place": "site:nothing"}), (f"sessions/{nothing}", {}),
        (f"runs/{nothing}", {}),
    ):  # fmt: skip
        assert shelf.page.refused("GET", path, params=query)[0] == 404, path


@pytest.mark.parametrize("version", ["", "latest", "site", "site:../x", "x" * 36, "../../x"])
def test_versions_are_called_by_their_ids_only(shelf: Shelf, version: str) -> None:
    for path in ("ls", "preview", "copies"):
        assert shelf.page.refused("GET", path, params={"version": version})[0] == 400


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "sub/../../x", "a\0b"])
def test_a_path_inside_a_version_is_looked_up_there_alone(shelf: Shelf, path: str) -> None:
    answer = shelf.page.client.get("/api/preview", params={"version": shelf.id, "path": path})
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text


def test_a_preview_is_the_beginning_of_a_text(shelf: Shelf) -> None:
    letters = shelf.page.get("preview", version=shelf.id, path="sub/letters.txt")
    assert letters["truncated"] and letters["size"] == 2 * PREVIEW_BYTES
    assert letters["text"] == LETTERS[: PREVIEW_BYTES // 2]
    assert shelf.page.get("preview", version=shelf.id, path="sub/noise.bin")["text"] is None
    assert shelf.page.get("preview", version=shelf.id, path="new.txt") == {
        "text": "new", "size": 3, "truncated": False
    }  # fmt: skip
    for path in ("sub", "link"):
        assert (
            shelf.page.refused("GET", "preview", params={"version": shelf.id, "path": path})[0]
            == 400
        )


def test_a_preview_reads_no_more_than_it_shows(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = contents._Beginning.write

    def counting(self: object, data: Any) -> int:
        written.append(len(data))
        return write(self, data)  # type: ignore[arg-type]

    monkeypatch.setattr(contents._Beginning, "write", counting)
    (shelf.source / "large.txt").write_text("x" * 5_000_000)
    version = shelf.backup.run(shelf.source, "nas", "usb")
    shelf.page.get("preview", version=id_text(version.object_id), path="large.txt")
    assert sum(written) < 2_000_000


def fetched(shelf: Shelf, path: str) -> Any:
    ticket = shelf.page.post("download/ticket", version=shelf.id, path=path)["path"]
    stranger = TestClient(shelf.page.client.app, base_url=ADDRESS)  # A link brings no header.
    return stranger.get(ticket), stranger.get(ticket)


def test_a_download_is_the_file_once_and_never_shown(shelf: Shelf) -> None:
    answer, again = fetched(shelf, "index.html")
    assert answer.content == b"changed" and again.status_code == 404
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''index.html"
    assert answer.headers["content-length"] == "7"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert (
        fetched(shelf, "sub/noise.bin")[0].content == (shelf.source / "sub/noise.bin").read_bytes()
    )


def test_a_directory_comes_as_an_archive(shelf: Shelf) -> None:
    answer = fetched(shelf, "sub")[0]
    assert answer.headers["content-disposition"].endswith("sub.tar")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert {Path(name).name for name in archive.getnames()} >= {"letters.txt", "noise.bin"}


@pytest.mark.parametrize("path", ["sub/noise.bin", "sub", ""])
def test_a_download_of_damaged_media_breaks_off(shelf: Shelf, path: str) -> None:
    with shelf.backup.catalog() as catalog:
        for row in catalog.frames_of(shelf.second):
            for info, where in catalog.places(row.frame):
                damage(Path(info.location), where, 5)
    ticket = shelf.page.post("download/ticket", version=shelf.id, path=path)["path"]
    with pytest.raises(Exception, match=r"damaged|copy|sound|read"):
        shelf.page.client.get(ticket)


def test_a_folder_with_a_file_that_was_never_saved_is_downloaded_without_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(query: str, out: Any, request: object, monitor: Monitor) -> None:
        monitor.problem(Problem("source", "its content was not saved: no permission", b"sub/x"))
        out.write(b"the others")

    monkeypatch.setattr(api, "export_tar", export)
    assert fetched(shelf, "sub")[0].content == b"the others"


def test_a_ticket_waits_for_a_moment_only() -> None:
    now = [0.0]
    tickets = Tickets(lambda: now[0])
    download = Download("x", None, lambda out: None)
    path = tickets.issue(download)
    now[0] = TICKET_SECONDS + 1
    with pytest.raises(Refused):
        tickets.take(path.rpartition("/")[2])
    assert tickets.issue(download) != path
    for secret in ("", "x", ".."):
        with pytest.raises(Refused):
            tickets.take(secret)


def test_a_browser_that_goes_stops_the_reading() -> None:
    given: list[int] = []
    ended: list[BaseException] = []

    def give(out: Any) -> None:
        try:
            for _ in range(10_000):
                given.append(out.write(b"x" * 65536))
        except OSError as fault:
            ended.append(fault)
            raise

    pieces: Any = _pieces(give)
    next(pieces)
    pieces.close()
    wait_until(lambda: bool(ended))
    assert ended and sum(given) < 100 * 65536


def test_a_device_that_breaks_its_pipe_breaks_the_download() -> None:
    def give(out: Any) -> None:
        out.write(b"x")
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        list(_pieces(give))


def test_an_empty_machine_has_empty_lists(settings: Settings) -> None:
    client = TestClient(
        make_app(settings), base_url=ADDRESS, headers={"authorization": "Bearer secret"}
    )
    for path in ("objects", "sessions", "devices", "runs", "restores", "graphs"):
        assert client.get(f"/api/{path}").json() == {"rows": [], "next": None}
    assert client.get("/api/home").json() == {"rows": [], "interrupted": ""}
    assert client.get("/api/state").json()["has_sessions"] is False
