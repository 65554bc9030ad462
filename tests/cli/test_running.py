"""Commands that speak to a running session."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import pytest

from flowbackup.errors import UsageError
from flowbackup.model.ids import id_text
from flowbackup.monitor import EdgeState, Progress
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

EDGES = (
    EdgeState("web -> primary.nas", 0, 4 << 20, 2 << 20, 3, 8),
    EdgeState("primary.nas -> offsite.usb", 1, 2 << 20, 1 << 20, 8, 8, "running", "usb", 14.0),
)
STATE = {
    "session": id_text(samples.SESSION), "kind": "backup", "graph": "nightly", "seconds": 4.0,
    "progress": asdict(Progress("backup", 7, 4 << 20, None, None, EDGES)),
    "agents": [
        {"agent": "primary.nas", "device": "nas", "role": "backup", "level": 0, "node": "here",
         "state": "running", "why": ""},
        {"agent": "offsite.usb", "device": "usb", "role": "mirror", "level": 1, "node": "here",
         "state": "detached", "why": "as asked"},
    ],
}  # fmt: skip


def test_status_tells_edges_and_who_is_gone(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("status", [STATE])
    ran = flowbackup("status", "latest", "--catalog", "c.sqlite")
    fake.assert_called_once_with("latest", Path("c.sqlite"))
    head, stage, _, first, second, gone = ran.out.splitlines()
    assert head.startswith("backup of nightly, session 0")
    assert "7 files (total unknown)" in stage and "at 1 MB/s" in stage
    assert first.split()[:4] == ["web", "->", "primary.nas", "3/8"]
    assert second.endswith("waiting for usb since 14 s")
    assert gone.strip() == "offsite.usb is detached: as asked"
    (row,) = flowbackup("status", "--json").lines
    assert (row["type"], row["session"], row["files_total"]) == (
        "status", id_text(samples.SESSION), None,
    )  # fmt: skip
    assert row["bytes_per_second"] == 1 << 20
    assert row["agents"] == STATE["agents"]


def test_status_of_nothing_and_of_who_does_not_answer(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("status", [])
    assert "no session runs" in flowbackup("status").err
    fake_api("status", [{"session": id_text(samples.SESSION), "fault": "it runs on far"}])
    ran = flowbackup("status")
    assert ran.exit_code == 0 and ran.out.strip().endswith(": it runs on far")


def test_a_state_of_another_version_is_no_crash(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    progress = {**asdict(Progress("backup")), "mood": "good"}
    fake_api("status", [{**STATE, "progress": progress}])
    ran = flowbackup("status")
    assert ran.exit_code == 1 and "another way than this version" in ran.err


@pytest.mark.parametrize(
    ("mirror", "place"), [("usb", "usb"), ("./usb", os.path.abspath("usb")), ("/mnt/x", "/mnt/x")]
)
def test_attach_takes_a_directory_or_a_device(
    flowbackup: RunCommand, fake_api: FakeApi, mirror: str, place: str
) -> None:
    fake = fake_api("change_session", "attached.usb")
    ran = flowbackup("attach", "latest", "--mirror", mirror, "--from", "nas", "--init", "--json")
    fake.assert_called_once_with("latest", "attach", None, device=place, from_="nas", init=True)
    assert ran.lines[0] == {"type": "attached", "agent": "attached.usb"}
    assert f"flowbackup repair {mirror}" in flowbackup("attach", "x", "--mirror", mirror).err


def test_detach_and_cancel(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("change_session", "offsite.usb")
    assert "offsite.usb is detached" in flowbackup("detach", "latest", "usb").out
    fake.assert_called_once_with("latest", "detach", None, device="usb")
    fake = fake_api("change_session", "")
    assert "ends now" in flowbackup("cancel", "latest", "--now").out
    fake.assert_called_once_with("latest", "cancel", None, now=True)
    assert "behind the objects" in flowbackup("cancel", "latest").out


@pytest.mark.parametrize(
    ("written", "rate", "said"), [("20MB/s", 20_000_000, "20 MB/s"), ("none", 0, "not limited")]
)
def test_limit(
    flowbackup: RunCommand, fake_api: FakeApi, written: str, rate: int, said: str
) -> None:
    fake = fake_api("change_session", "nas -> offsite.usb")
    assert flowbackup("limit", "latest", "usb", written).out == f"nas -> offsite.usb: {said}\n"
    fake.assert_called_once_with("latest", "limit", None, edge="usb", rate=rate)
    assert "is not a size" in flowbackup("limit", "latest", "usb", "fast").err


def test_a_refusal_is_an_error_of_its_kind(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("change_session", UsageError("nas begins the chain", remedy="mirrors: usb"))
    ran = flowbackup("detach", "latest", "nas")
    assert (ran.exit_code, ran.err) == (2, "error: nas begins the chain\n  mirrors: usb\n")
