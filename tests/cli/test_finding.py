"""find, history and diff: what they ask, and how they tell it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from flowbackup import api
from flowbackup.catalog.rows import (
    ChangeKind,
    DifferenceRow,
    FoundRow,
    HistoryRow,
    VersionRow,
)
from flowbackup.cli.find import versions_text
from flowbackup.errors import NotFoundError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.sameness import Aspect
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

FILE = Entry(b"etc/a\xff", EntryKind.FILE, 0o644, 7, 8, size=12)
VERSIONS = tuple(replace(samples.VERSION, number=number) for number in (1, 2, 4))


def test_find_asks_for_what_the_options_say(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("find", lambda *_, **__: iter([FoundRow(VERSIONS, FILE)]))
    (row,) = flowbackup(
        "find", "*.conf", "hosts", "-i", "--in", "site:etc", "--type", "file", "--type", "fifo",
        "--size-min", "1MiB", "--size-max", "2 MiB", "--newer", "2026-07-31", "--older",
        "2026-08-01", "--catalog", "c", "--json",
    ).lines  # fmt: skip
    fake.assert_called_once_with(
        api.FindRequest(
            ("*.conf", "hosts"), "", True, "site:etc", ("file", "fifo"), 1 << 20, 2 << 20,
            "2026-07-31", "2026-08-01",
        ),
        Path("c"),
    )  # fmt: skip
    assert (row["type"], row["client"], row["name"]) == ("found", "web", "site")
    assert (row["versions"], row["size"], row["path_base64"]) == ([1, 2, 4], 12, "ZXRjL2H/")
    assert flowbackup("find").out == "web/site@1-2,4  etc/a\\xff\n"
    assert flowbackup("find", "-l").out.startswith("web/site@1-2,4  -rw-r--r-- 7        8")


def test_find_says_when_there_is_nothing(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("find", lambda *_, **__: iter(()))
    ran = flowbackup("find", "x")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "nothing was found\n")
    assert flowbackup("find", "x", "--json").lines == []


# Archives


def test_export_writes_nothing_but_the_archive(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    def write(query: str, out: BinaryIO, *_: object) -> SessionReport:
        out.write(b"archive")
        return samples.report()

    fake = fake_api("export_tar", write)
    ran = flowbackup("export", "site:etc", "--tar", "--exclude", "*.bak", "--as-of", "2026-01-01")
    assert (ran.exit_code, ran.out, ran.err) == (0, "archive", "")
    assert fake.call_args.args[0] == "site:etc"
    assert fake.call_args.args[2] == api.RestoreRequest(exclude=("*.bak",), as_of="2026-01-01")


def test_export_to_a_file_tells_how_it_ended(
    flowbackup: RunCommand, fake_api: FakeApi, tmp_path: Path
) -> None:
    fake_api("export_tar", samples.report(Outcome.INCOMPLETE, 3))
    file = str(tmp_path / "a.tar")
    ran = flowbackup("export", "site", "--tar", "--output", file, "--json")
    assert (ran.exit_code, ran.lines[-1]["type"], ran.lines[-1]["exit_code"]) == (3, "summary", 3)
    ran = flowbackup("export", "site", "--tar", "--output", file)
    assert ran.exit_code == 2 and "name a new file" in ran.err
    ran = flowbackup("export", "site", "--tar", "--json")
    assert (ran.exit_code, ran.lines[-1]["type"]) == (2, "error")
    ran = flowbackup("export", "site", "--tar")
    assert (ran.exit_code, ran.out) == (3, "") and "incomplete" in ran.err


def numbered(*numbers: int) -> tuple[VersionRow, ...]:
    return tuple(replace(samples.VERSION, number=number) for number in numbers)


def test_versions_are_told_as_runs() -> None:
    assert versions_text(numbered(3)) == "web/site@3"
    assert versions_text(numbered(1, 3, 4, 5, 7, 8)) == "web/site@1,3-5,7-8"


def test_history(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    rows = [
        HistoryRow(ChangeKind.ADDED, numbered(1, 2), FILE),
        HistoryRow(ChangeKind.CHANGED, numbered(3), FILE, (Aspect.MODE, Aspect.TIME)),
        HistoryRow(ChangeKind.REMOVED, numbered(4), None),
    ]
    fake = fake_api("history", rows)
    added, changed, removed = flowbackup("history", "site:etc/a", "--json").lines
    fake.assert_called_once_with("site:etc/a", None)
    assert (added["change"], added["versions"], added["size"]) == ("added", [1, 2], 12)
    assert changed["aspects"] == ["mode", "time"]
    assert removed["change"] == "removed" and "size" not in removed
    lines = flowbackup("history", "site:etc/a").out.splitlines()
    assert lines[1].startswith("web/site@1-2  ") and " added " in lines[1]
    assert " changed (mode, time) " in lines[2]
    fake_api("history", NotFoundError('no version has "x"', remedy="look"))
    assert flowbackup("history", "x").exit_code == 1


def test_diff(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    moved = FILE._replace(path=b"var/b")
    rows = [
        DifferenceRow(ChangeKind.ADDED, None, FILE._replace(path=b"new", size=4096)),
        DifferenceRow(ChangeKind.CHANGED, FILE, FILE, (Aspect.MODE,)),
        DifferenceRow(ChangeKind.REMOVED, FILE._replace(kind=EntryKind.DIRECTORY, size=0), None),
        DifferenceRow(ChangeKind.MOVED, FILE, moved),
    ]
    fake = fake_api("diff", rows)
    first, *_, last = flowbackup("diff", "a@1", "a@2", "--json").lines
    fake.assert_called_once_with("a@1", "a@2", None)
    assert (first["change"], first["path"], first["before"]) == ("added", "new", None)
    assert isinstance(last["before"], dict) and last["before"]["path_base64"] == "ZXRjL2H/"
    assert (last["change"], last["path"]) == ("moved", "var/b")
    ran = flowbackup("diff", "a@1", "a@2")
    assert ran.out.splitlines() == [
        "+ new", "M etc/a\\xff (mode)", "- etc/a\\xff/", "> etc/a\\xff -> var/b",
    ]  # fmt: skip
    assert ran.err == "1 added, 1 removed, 1 changed, 1 moved; +4 KiB\n"
    fake_api("diff", [])
    assert flowbackup("diff", "a@1", "a@2").err == "no difference\n"
