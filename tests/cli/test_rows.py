"""The commands that look: one JSON object for each row, or a table for people."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from flowbackup import api
from flowbackup.catalog.rows import (
    LostMedium,
    MediumRow,
    ObjectStats,
    Stats,
    TakenRow,
    VersionCopies,
)
from flowbackup.cli.names import short_id
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import id_text, new_id
from flowbackup.units import format_rate
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

ENTRIES = [
    Entry(b"etc", EntryKind.DIRECTORY, 0o755, owner=b"root", group=b"root"),
    Entry(b"etc/a\nb\xff", EntryKind.FILE, 0o4755, 7, 8, size=12, problem="changed while read"),
    Entry(b"etc/l", EntryKind.SYMLINK, 0o777, target=b"../x"),
    Entry(b"etc/m", EntryKind.FILE, 0o644, hard_link=b"etc/a"),
]


def test_objects(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("objects", [samples.OBJECT_ROW])
    ran = flowbackup("objects", "--json", "--catalog", "c.sqlite")
    fake.assert_called_once_with(Path("c.sqlite"))
    (row,) = ran.lines
    assert row["type"] == "object"
    assert (row["client"], row["name"], row["versions"], row["version"]) == ("web", "site", 3, 3)
    assert row["object_id"] == id_text(samples.OBJECT)
    assert row["source_base64"] == "L3Nydi93/3c="
    line = flowbackup("objects").out.splitlines()[1]
    assert line.startswith("web/site")
    assert id_text(samples.OBJECT)[:13] in line
    assert "incomplete" in line


def test_stats(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    site = ObjectStats("web/site", 3, 7, 300 << 20, 120 << 20, 60 << 20, 4096)
    empty = ObjectStats("web/none", 1, 2, 0, 0, 0, 4096)
    fake = fake_api("stats", Stats((site, empty), site, ()))
    first, second, total = flowbackup("stats", "web/site", "--json").lines
    assert fake.call_args.args == ("web/site", None)
    assert (first["type"], total["type"]) == ("object_stats", "total_stats")
    assert (first["dedup_factor"], first["compression_factor"]) == (2.5, 2.0)
    # What nobody can tell is unknown.
    assert (second["dedup_factor"], second["compression_factor"]) == (None, None)
    _, row, none, *_ = flowbackup("stats").out.splitlines()
    assert row.split()[-2:] == ["2.50", "2.00"]
    assert none.split()[-2:] == ["-", "-"]


def test_the_catalog_of_the_environment(
    flowbackup: RunCommand, fake_api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWBACKUP_CATALOG", "/x/catalog")
    fake = fake_api("objects", [])
    flowbackup("objects")
    flowbackup("objects", "--catalog", "/y/catalog")
    assert [call.args[0] for call in fake.call_args_list] == [
        Path("/x/catalog"),
        Path("/y/catalog"),
    ]


def test_sessions(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("sessions", [samples.FINISHED_SESSION, samples.RUNNING_SESSION])
    finished, running = flowbackup("sessions", "--json").lines
    assert (finished["outcome"], finished["exit_code"]) == ("success", 0)
    assert (running["outcome"], running["state"]) == (None, "interrupted")
    _, first, second = flowbackup("sessions").out.splitlines()
    assert "success" in first
    assert "interrupted" in second
    assert second.split()[-4:] == ["-"] * 4  # nothing is known of it, and no zero says otherwise


def test_ls_for_programs_loses_no_name(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("entries", lambda *_, **__: iter(ENTRIES))
    rows = flowbackup("ls", "latest:etc", "-r", "--json").lines
    fake.assert_called_once_with("latest:etc", None, recursive=True, as_of="")
    assert [row["kind"] for row in rows] == ["directory", "file", "symlink", "file"]
    assert rows[1]["path_base64"] == "ZXRjL2EKYv8="
    assert rows[2]["target"] == "../x"
    assert rows[3]["hard_link"] == "etc/a"


def test_ls_for_people_is_one_line_for_each_entry(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("entries", lambda *_, **__: iter(ENTRIES))
    assert flowbackup("ls", "latest").out.splitlines() == [
        "etc/",
        "etc/a\\nb\\xff",
        "etc/l",
        "etc/m",
    ]
    directory, changed, link, twin = flowbackup("ls", "latest", "-l").out.splitlines()
    assert directory.startswith("drwxr-xr-x root     root")
    assert changed.startswith("-rwsr-xr-x 7        8")
    assert changed.endswith("(changed while read)")
    assert link.endswith("etc/l -> ../x")
    assert twin.endswith("etc/m = etc/a")


def test_copies(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("lost_media", [])
    fake = fake_api("copies", [VersionCopies(samples.VERSION, 1)])
    (row,) = flowbackup("copies", "--below", "2", "--json").lines
    fake.assert_called_once_with(None, 2, None)
    assert (row["name"], row["version"], row["copies_durable"]) == ("site", 3, 1)
    fake_api("copies", [samples.COPY_ROW])
    (row,) = flowbackup("copies", "web/site", "--json").lines
    assert (row["frames_held"], row["frames_needed"], row["complete"]) == (7, 8, False)
    assert (row["role"], row["copied_from"]) == (None, [])
    assert "7 of 8  incomplete  not all   -     /mnt/nas" in flowbackup("copies", "web/site").out
    nas, vault = samples.LINEAGE
    fake_api("copies", [nas, vault])
    rows = flowbackup("copies", "web/site", "--json").lines
    assert [(row["role"], row["copied_from"]) for row in rows] == [
        ("backup", []), ("copy", [rows[0]["medium"]]),
    ]  # fmt: skip
    lines = flowbackup("copies", "web/site").out.splitlines()
    assert " backup  /mnt/nas" in lines[1] and " nas     /mnt/vault" in lines[2]


def test_copies_name_a_lost_medium_with_what_it_takes_along(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    taken = TakenRow(samples.VERSION, 12)
    lost = LostMedium(samples.MEMBER_INFO, "it is not there", (taken,))
    harmless = LostMedium(samples.MEDIUM_INFO, "nor is this")
    fake_api("lost_media", [lost, harmless])
    fake_api("copies", [VersionCopies(samples.VERSION, 1)])
    assert flowbackup("copies").err == "it is not there; it takes along web/site@3 (12 frames)\n"
    _, row = flowbackup("copies", "--json").lines
    assert (row["type"], row["set_number"], row["location"]) == (
        "lost",
        2,
        "/mnt/vault/medium-00002",
    )
    assert [version["object"] for version in row["versions"]] == ["web/site@3"]
    # Of one object only the media that are shown.
    fake_api("copies", [samples.COPY_ROW])
    assert flowbackup("copies", "web/site").err == ""


def test_device_tells_of_sets(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("init_device", samples.MEMBER_INFO)
    ran = flowbackup(
        "device", "init", "/mnt/vault", "--media-size", "10MiB", "--block-size", "64KiB"
    )
    fake.assert_called_once_with(
        "/mnt/vault", "", "default", media_bytes=10 << 20, block_bytes=64 << 10
    )
    assert ran.exit_code == 0 and "/mnt/vault/medium-00002" in ran.out
    fake_api("devices", [MediumRow(samples.MEMBER_INFO), samples.MEDIUM_ROW])
    member, alone = flowbackup("device", "list", "--json").lines
    assert (member["set_number"], member["media_bytes"]) == (2, 10 << 20)
    assert (alone["set"], alone["set_number"]) == (None, None)
    fake_api("show_device", MediumRow(samples.MEMBER_INFO))
    assert "medium 2, of 10 MiB" in flowbackup("device", "show", "/mnt/vault").out


def test_device(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("init_device", samples.MEDIUM_INFO)
    (row,) = flowbackup("device", "init", "/mnt/nas", "--pool", "p", "--json").lines
    fake.assert_called_once_with("/mnt/nas", "", "p", media_bytes=0, block_bytes=4096)
    assert (row["device"], row["format"], row["free_bytes"]) == ("nas", "1.0", 1 << 30)
    fake_api("devices", [samples.MEDIUM_ROW])
    assert "5 of 9 frames, 1 damaged  here  /mnt/nas" in flowbackup("device", "list").out
    (row,) = flowbackup("device", "list", "--json").lines
    assert (row["frames_verified"], row["verified_oldest_ns"]) == (5, None)
    assert row["verified_newest_ns"] == samples.STARTED_NS
    fake_api("show_device", MediumRow(samples.MEDIUM_INFO))
    assert "free      1 GiB" in flowbackup("device", "show", "/mnt/nas").out


def test_cat_writes_bytes_as_they_are(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    def write(query: str, out: BinaryIO, catalog: Path | None = None, *, as_of: str = "") -> None:
        out.write(b"content\n")

    fake_api("cat", write)
    assert flowbackup("cat", "latest:a").out == "content\n"


def test_doctor_fails_with_a_check(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    good = api.Check("python", True, "3.11", "")
    bad = api.Check("shared memory", False, "64 MiB", "make it larger")
    fake_api("doctor", [good])
    assert flowbackup("doctor").exit_code == 0
    fake_api("doctor", [good, bad])
    ran = flowbackup("doctor")
    assert ran.exit_code == 1
    assert "FAIL shared memory: 64 MiB\n     make it larger" in ran.out
    assert [row["ok"] for row in flowbackup("doctor", "--json").lines] == [True, False]


def test_short_ids_of_the_same_moment_differ() -> None:
    one, other = (short_id(new_id(1_700_000_000_000, bytes([n]) * 10)) for n in (0x11, 0x22))
    assert one != other


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0, "-"), (900.0, "1 kB/s"), (5e5, "500 kB/s"), (4.2e7, "42 MB/s")]
)
def test_slow_rates_are_not_called_nothing(rate: float, text: str) -> None:
    assert format_rate(rate) == text
