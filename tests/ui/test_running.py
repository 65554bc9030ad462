"""A run from the first click: a process of its own, seen by every tab and by a later server."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from flowbackup import api
from flowbackup.errors import ProtocolError
from flowbackup.testing.compare import differences
from flowbackup.ui import demo
from flowbackup.ui.app import make_app
from flowbackup.ui.run_states import Stranger
from flowbackup.units import MIB
from tests.local_backup import Died, LocalBackup
from tests.ui.conftest import ADDRESS, Page


def followed(client: TestClient, run: str) -> list[dict[str, Any]]:
    """Every event up to the end."""
    with client.stream("GET", f"/api/runs/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_a_first_try_without_room_is_told_and_leaves_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(page.root.iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(demo, "templates", full)
    answer = page.client.post("/api/runs/demo")
    assert answer.status_code == 507
    assert f"nothing can be written to {page.root}: No space left" in answer.text
    assert sorted(page.root.iterdir()) == before


def test_the_first_try_runs_is_watched_and_comes_back_equal(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LARGE_BYTES", 2 * MIB)
    monkeypatch.setenv("FLOWBACKUP_ENGINE", "local")
    run = page.post("runs/demo")["id"]
    events = followed(page.client, run)
    last = events[-1]
    assert (last["state"], last["outcome"], last["exit_code"]) == ("ended", "success", 0)

    headers = {"authorization": "Bearer secret"}
    later = TestClient(make_app(page.settings), base_url=ADDRESS, headers=headers)
    state = later.get(f"/api/runs/{run}").json()
    assert state == page.get(f"runs/{run}")
    assert {device["name"] for device in state["summary"]["devices"]} == {"disk", "usb", "vault"}
    assert later.get(f"/api/runs/{state['session']}").json()["session"] == state["session"]
    assert [row["id"] for row in later.get("/api/runs").json()["rows"]] == [run]
    assert page.get("state")["has_sessions"]

    (version,) = page.get("versions", object="here/documents")["rows"]
    restore = page.post("restores", version=version["object_id"], target="back")["id"]
    assert followed(later, restore)[-1]["outcome"] == "success"
    assert page.get("restores")["rows"][0]["id"] == restore
    documents = Path(state["graph"]).parent / "documents"
    assert list(differences(documents, page.root / "back")) == []
    detail = page.get(f"sessions/{state['session']}")
    assert detail["command"] == state["command"] and detail["versions"] == ["here/documents@1"]


STATUS = {
    "session": "s", "kind": "backup", "graph": "g", "seconds": 2.0, "agents": [],
    "progress": {
        "stage": "backup", "files": 3, "bytes_read": 100, "files_total": None, "bytes_total": None,
        "edges": [
            {"name": "web -> primary.nas", "level": 0, "bytes_moved": 50, "bytes_durable": 20,
             "slots_used": 2, "slots": 8, "state": "running", "waiting_for": "nas",
             "waiting_seconds": 3.0}
        ],
    },
}  # fmt: skip


def test_a_session_of_somebody_else_tells_its_rates() -> None:
    now = [0.0]
    stranger = Stranger(lambda: now[0])
    now[0] = 1.0
    stranger.progress(STATUS)
    now[0] = 2.0
    more: Any = json.loads(json.dumps(STATUS))
    more["progress"]["edges"][0]["bytes_moved"] = 150
    (edge,) = stranger.progress(more).edges
    assert (edge.rate, edge.source, edge.waiting_for) == (75.0, "web", "nas")
    with pytest.raises(ProtocolError):
        stranger.progress({"progress": {"edges": [{"other": 1}]}})


def test_a_session_of_somebody_else_is_listed_watched_changed_and_ended(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = page.root / "site"
    source.mkdir()
    (source / "x").write_bytes(b"x" * 300_000)
    backup = LocalBackup(page.root.parent, "nas")
    with pytest.raises(
        Died
    ):  # It has not ended as far as the catalog knows, and this process lives.
        backup.run(source, "nas", dies_at=2)
    (row,) = page.get("runs")["rows"]
    assert (row["state"], row["by_page"], row["title"]) == ("running", False, "local")
    run = row["id"]
    monkeypatch.setattr(api, "status", lambda *_: [STATUS])
    state = page.get(f"runs/{run}")
    assert state["progress"]["edges"][0]["target"] == "primary.nas"
    assert state["session"] == run

    asked: list[tuple[Any, ...]] = []

    def change(*said: Any, **more: Any) -> str:
        asked.append((*said, more))
        return "offsite.usb"

    monkeypatch.setattr(api, "change_session", change)
    catalog = page.settings.catalog
    assert page.post(f"runs/{run}/attach", device="usb", init=True) == {"agent": "offsite.usb"}
    page.post(f"runs/{run}/attach", device="new/usb", source="primary.nas")
    page.post(f"runs/{run}/detach", device="usb")
    assert page.post(f"runs/{run}/pace", edge="usb", rate=7) == {"edge": "offsite.usb"}
    page.post(f"runs/{run}/pace", edge="usb", rate=None)
    page.post(f"runs/{run}/cancel", now=True)
    assert asked == [
        (run, "attach", catalog, {"device": "usb", "from_": "", "init": True}),
        (run, "attach", catalog,
         {"device": str(page.root / "new/usb"), "from_": "primary.nas", "init": False}),
        (run, "detach", catalog, {"device": "usb"}),
        (run, "limit", catalog, {"edge": "usb", "rate": 7}),
        (run, "limit", catalog, {"edge": "usb", "rate": 0}),
        (run, "cancel", catalog, {"now": True}),
    ]  # fmt: skip
    body = {"device": "/etc/usb"}
    assert page.refused("POST", f"runs/{run}/attach", json=body)[1]["kind"] == "outside"


def test_the_command_prints_an_address_answers_and_ends_by_a_signal(tmp_path: Path) -> None:
    program = "from flowbackup.cli.main import main; main()"
    words = ["ui", "--no-browser", "--json", "--root", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, cwd=tmp_path
    ) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        assert told["type"] == "listening"
        address, _, token = told["address"].partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=address, headers=headers, timeout=60) as client:
            assert client.get("/api/state").json()["roots"] == [str(tmp_path)]
            assert client.get("/api/state", headers={"host": "evil.example"}).status_code == 403
        server.terminate()
        server.wait(60)
    assert server.returncode in (0, -15)
