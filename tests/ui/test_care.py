"""What the page starts of restores and of the care of devices: words of the command line that mean
just that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest

from flowbackup.cli.main import commands
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.ui import past
from flowbackup.ui.jobs import Job, Jobs
from tests.local_backup import Died, LocalBackup
from tests.ui.conftest import GRAPH, Page

NOTHING = "01940c00-0000-7000-8000-000000000000"


@dataclass
class Started:
    """What was started, instead of starting it."""

    words: list[tuple[str, ...]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def start(
        self, kind: str, title: str, words: Sequence[str], *, catalog: Path, graph: str = ""
    ) -> Job:
        self.words.append(tuple(words))
        self.kinds.append(kind)
        return Job(NOTHING, kind, title, tuple(words), 1, str(catalog), graph)

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the last one, as the command line understands it."""
        name, *words = self.words[-1]
        command = commands.get_command(click.Context(commands), name)
        assert command is not None
        with command.make_context(name, list(words)) as context:
            return dict(context.params)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    monkeypatch.setattr(Jobs, "start", lambda _, *said, **more: found.start(*said, **more))
    return found


@dataclass
class Shelf:
    backup: LocalBackup
    ids: list[str]
    page: Page


@pytest.fixture
def shelf(page: Page) -> Shelf:
    """Three versions of web/site on two devices."""
    source = page.root / "site"
    (source / "sub").mkdir(parents=True)
    (source / "a*b").write_text("star")
    backup = LocalBackup(page.root.parent, "nas", "usb")
    ids = []
    for number in range(3):
        (source / "sub" / "x.txt").write_text(str(number))
        ids.append(id_text(backup.run(source, "nas", "usb").object_id))
    return Shelf(backup, ids, page)


def test_a_run_is_that_of_the_command_line(page: Page, started: Started) -> None:
    made = page.post("graphs", path="nightly.yaml", text=GRAPH)
    (page.root / "site").mkdir()
    page.post("runs", path=made["path"], init=True, tags=["release"])
    found = started.parameters
    assert str(found["graph"]) == made["path"] and found["init"] and found["tags"] == ("release",)
    assert found["catalog"] == page.settings.catalog and not found["dry_run"]
    page.post("runs", path=made["path"], dry_run=True)
    assert started.parameters["dry_run"] and started.kinds == ["run", "plan"]


def test_what_cannot_run_is_not_started(page: Page, started: Started) -> None:
    broken = page.post(
        "graphs", path="broken.yaml", text=GRAPH.replace("mirrors: primary", "mirrors: x")
    )
    status, error = page.refused("POST", "runs", json={"path": broken["path"]})
    assert (status, error["kind"]) == (422, "graph") and error["findings"]
    assert page.refused("POST", "runs", json={"path": "missing.yaml"})[0] == 422
    good = page.post("graphs", path="nightly.yaml", text=GRAPH)
    for body in (
        {"tags": ["two words"]},
        {"tags": ["--init"] * 20},
        {"surprise": 1},
        {"init": "x"},
    ):
        assert page.refused("POST", "runs", json={"path": good["path"], **body})[0] == 400
    assert started.words == []


def test_a_restore_takes_what_was_ticked_and_no_more(shelf: Shelf, started: Started) -> None:
    strange = os.fsdecode(b"\xff")
    shelf.page.post(
        "restores", version=shelf.ids[1], paths=["a*b", "sub/x.txt", "-x"], paths_base64=["/w=="],
        target="back", overwrite="changed",
    )  # fmt: skip
    found = started.parameters
    assert found["query"] == shelf.ids[1] and found["target"] == str(shelf.page.root / "back")
    assert found["include"] == ("[/a][*]b", "sub/x.txt", "[/-]x", f"[/{strange}]")
    assert found["overwrite"] == "changed" and found["explain"] and not found["dry_run"]
    shelf.page.post("restores", version=shelf.ids[1], target="back", dry_run=True)
    assert started.parameters["include"] == () and started.parameters["dry_run"]
    assert started.kinds == ["restore", "restore-plan"]


def test_a_restore_of_what_is_not_there_is_refused(shelf: Shelf, started: Started) -> None:
    body: dict[str, Any] = {"version": NOTHING, "target": "back"}
    assert shelf.page.refused("POST", "restores", json=body)[0] == 404
    for wrong in (
        {"overwrite": "perhaps"}, {"paths": ["x"] * 1000}, {"paths": ["a\0b"]}, {"target": ""},
        {"version": "latest"}, {"paths_base64": ["?"]},
    ):  # fmt: skip
        refused = {"version": shelf.ids[0], "target": "back", **wrong}
        assert shelf.page.refused("POST", "restores", json=refused)[0] == 400, wrong
    assert started.words == []


def test_devices_are_listed_made_and_missed(shelf: Shelf) -> None:
    rows = {row["device"]: row for row in shelf.page.get("devices")["rows"]}
    assert set(rows) == {"nas", "usb"}
    assert rows["nas"]["frames"] > 0 and rows["nas"]["frames_verified"] == 0
    assert rows["nas"]["verified_oldest_ns"] is None and len(rows["nas"]["created_ns"]) == 19
    made = shelf.page.post("devices", path="new", name="vault", pool="offsite")
    assert (made["device"], made["pool"]) == ("vault", "offsite")
    assert (shelf.page.root / "new" / "flowbackup.label").exists()
    assert shelf.page.get("devices/lost") == []
    shelf.backup.place("usb").rename(shelf.backup.folder / "elsewhere")
    (lost,) = shelf.page.get("devices/lost")
    assert lost["device"] == "usb" and lost["fault"] and lost["versions"] == []


def test_verify_and_repair_name_devices_that_are_known(shelf: Shelf, started: Started) -> None:
    shelf.page.post("verify", devices=["nas"], sample="1/30")
    assert started.parameters["devices"] == ("nas",)
    assert str(started.parameters["sample"]) == "1/30"
    shelf.page.post("repair", devices=["usb"], objects=["web/site"], full=True, dry_run=True)
    found = started.parameters
    assert (found["devices"], found["objects"]) == (("usb",), ("web/site",))
    assert found["full"] and found["dry_run"]
    shelf.page.post("verify")
    assert started.parameters["devices"] == () and started.parameters["sample"] is None
    for device in ("other", "--help", "/mnt/nas", "../nas", ""):
        for path in ("verify", "repair"):
            assert shelf.page.refused("POST", path, json={"devices": [device]})[0] == 404
    for sample in ("1", "1/0x", "--help", "1/30/2", "-1/3"):
        assert shelf.page.refused("POST", "verify", json={"sample": sample})[0] == 400
    assert len(started.words) == 3


def test_retention_tells_what_would_stay_and_why_and_changes_nothing(shelf: Shelf) -> None:
    found = shelf.page.post("retention", keep={"last": 1})
    assert [(row["version"], row["keep"]) for row in found["rows"]] == [
        (3, True), (2, False), (1, False)
    ]  # fmt: skip
    assert found["rows"][0]["reasons"] and found["rows"][1]["reasons"] == []
    assert "UTC" in found["calendar"]
    assert len(shelf.page.get("versions", object="web/site")["rows"]) == 3
    daily = shelf.page.post("retention", objects=["web/site"], keep={"within": "7 d", "copies": 2})
    assert all(row["keep"] for row in daily["rows"])


@pytest.mark.parametrize("keep", [{}, {"last": 0}, {"last": -1}, {"within": "soon"}, {"often": 1}])
def test_rules_that_make_no_sense_are_refused(page: Page, keep: dict[str, object]) -> None:
    assert page.refused("POST", "retention", json={"keep": keep})[0] == 400


def test_only_what_was_shown_is_forgotten(shelf: Shelf, started: Started) -> None:
    keep = {"last": 1}
    for wrong in (shelf.ids[:1], shelf.ids, [shelf.ids[0], shelf.ids[2]]):
        status, error = shelf.page.refused("POST", "forget", json={"keep": keep, "expected": wrong})
        assert (status, error["kind"]) == (409, "changed")
    assert shelf.page.refused("POST", "forget", json={"keep": keep, "expected": []})[0] == 400
    assert started.words == []
    shelf.page.post("forget", keep=keep, expected=shelf.ids[:2])
    found = started.parameters
    assert found["objects"] == tuple(sorted(shelf.ids[:2])) and found["copies"] == 1
    assert not found["dry_run"] and found["last"] == 0


def test_lights_say_how_each_object_stands(shelf: Shelf) -> None:
    (row,) = shelf.page.get("home")["rows"]
    assert (row["client"], row["object"], row["light"]) == ("web", "site", "unverified")
    assert (row["copies_durable"], row["copies_wanted"]) == (2, 2)
    assert row["last_good_ns"] is not None and row["last_verified_ns"] is None
    shelf.backup.run(shelf.page.root / "site", "nas", "usb", fails_at={"usb": 0})
    (row,) = shelf.page.get("home")["rows"]
    assert (row["light"], row["why"]) == ("incomplete", "it has 1 of 2 copies")


def test_the_next_run_is_that_of_the_timer_of_the_graph(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "next_runs", lambda: {"local": 1795762469836241000, "other": 5})
    (row,) = shelf.page.get("home")["rows"]
    assert row["next_run_ns"] == "1795762469836241000"


def test_a_session_that_failed_behind_the_newest_version_is_red(shelf: Shelf) -> None:
    with pytest.raises(Died):
        shelf.backup.run(shelf.page.root / "site", "nas", dies_at=1)
    with shelf.backup.catalog() as catalog:
        (row, *_) = catalog.sessions()
        catalog.end_session(
            SessionReport(
                id_text(row.session), "backup", "local", Outcome.FAILED, 1, "local", 1.0, 0.0, 0, 0,
                0, 0,
            ),
            row.started_ns + 5,
        )  # fmt: skip
    (home,) = shelf.page.get("home")["rows"]
    assert home["light"] == "failed" and "did not end well" in home["why"]


def test_sessions_have_their_reports_and_a_command(shelf: Shelf) -> None:
    rows = shelf.page.get("sessions", limit=2)
    assert len(rows["rows"]) == 2 and rows["next"] == "2"
    detail = shelf.page.get(f"sessions/{rows['rows'][0]['session']}")
    assert detail["row"] == rows["rows"][0]
    assert {device["name"] for device in detail["devices"]} == {"nas", "usb"}
    assert detail["versions"] == ["web/site@3"]
    assert detail["command"] == "flowbackup run local.yaml"
    assert detail["graph_text"] == "graph: local"


def test_a_simulation_is_that_of_the_command_line(page: Page) -> None:
    found = page.post(
        "plan/simulate", text=GRAPH, sizes={"": "10GB"}, rates={"usb": "50MB/s", "nas": "200MB/s"},
        lost={"nas": "10s"}, seed=3,
    )  # fmt: skip
    assert found["summary"]["outcome"] == "success"
    assert 195 < found["summary"]["duration_seconds"] < 215
    assert "usb" in found["summary"]["bottleneck"] and found["summary"]["assumed"] == ["vault"]
    assert {row["agent"] for row in found["devices"]} == {
        "primary.nas",
        "offsite.usb",
        "late.vault",
    }
    assert 0 < len(found["samples"]) <= 240
    assert [row["device"] for row in found["losses"]] == ["nas"]


@pytest.mark.parametrize(
    "body",
    [{"rates": {"usb": "fast"}}, {"sizes": {"web/site": "big"}}, {"fails": {"usb": "late"}},
     {"lost": {"nobody": "1s"}}, {"lost": {"usb": "x"}}, {"jitter": 2}],
    ids=str,
)  # fmt: skip
def test_a_simulation_of_what_makes_no_sense_is_refused(page: Page, body: dict[str, Any]) -> None:
    assert page.refused("POST", "plan/simulate", json={"text": GRAPH, **body})[0] == 400
    assert page.refused("POST", "plan/simulate", json={"text": "graph: [", **body})[0] in (400, 422)
