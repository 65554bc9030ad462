"""up, down and what status tells of the Ray that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import FlowbackupError
from flowbackup.process import identify
from flowbackup.runtime.engines.warm_state import WarmRay, made_of
from tests.cli.conftest import FakeApi, RunCommand

WARM = WarmRay(identify(), "127.0.0.1:6379", "/run/x/ray", 7, made_of(), "5ecret")


def test_up_tells_whether_it_was_up(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("up", (WARM, True))
    assert flowbackup("up").out.startswith(f"Ray is up: 127.0.0.1:6379, process {WARM.keeper.pid}")
    fake_api("up", (WARM, False))
    assert flowbackup("up").out.startswith("Ray was up already: 127.0.0.1:6379")
    (row,) = flowbackup("up", "--json").lines
    assert (row["type"], row["state"], row["started"]) == ("ray", "up", False)
    assert "5ecret" not in str(row)


def test_down_tells_what_it_ended(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("down", WARM)
    assert flowbackup("down", "--now").out == "Ray is down\n"
    fake.assert_called_once_with(now=True)
    fake_api("down", None)
    ran = flowbackup("down")
    assert (ran.exit_code, ran.out) == (0, "no Ray was up\n")
    fake_api("down", FlowbackupError("commands use it", remedy="wait"))
    assert flowbackup("down").exit_code == 1


@pytest.mark.parametrize(
    ("warm", "state", "text"),
    [
        (WARM, "up", "Ray is up: 127.0.0.1:6379"),
        (replace(WARM, keeper=replace(identify(), start_ticks=1)), "dead", "has died"),
        (replace(WARM, made_of=WARM.made_of | {"ray": "0.1"}), "other", "is up and not used"),
    ],
)
def test_status_tells_of_it(
    flowbackup: RunCommand, fake_api: FakeApi, warm: WarmRay, state: str, text: str
) -> None:
    fake_api("warm", warm)
    fake_api("status", [])
    assert text in flowbackup("status").out
    assert flowbackup("status", "--json").lines[0]["state"] == state
    assert flowbackup("status", "latest", "--catalog", str(Path("c.sqlite"))).out == ""
