"""A Ray that is kept between commands: found, shared, believed only while it lives, gone without a
trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.process import descendants, identify
from flowbackup.runtime.engines.warm_state import users_lock
from tests.runtime.left_behind import is_free, wait_for

COMMAND = (sys.executable, "-c", "from flowbackup.cli.main import main; main()")

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("FLOWBACKUP_ENGINE", raising=False)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(os.urandom(1 << 20))
    yield tmp_path
    flowbackup("down", "--now")


def flowbackup(*words: str, exit_code: int = 0) -> list[dict[str, object]]:
    done = subprocess.run(
        [*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def backup(place: Path, *words: str, exit_code: int = 0) -> dict[str, object]:
    catalog, source = str(place / "catalog.sqlite"), str(place / "source")
    devices = ("--to", str(place / "nas"), "--mirror", str(place / "usb"))
    return flowbackup(
        "backup", source, *devices, "--catalog", catalog, *words, exit_code=exit_code
    )[-1]  # fmt: skip


def family(pid: object) -> list[int]:
    assert isinstance(pid, int)
    return [pid, *descendants(pid)]


def _command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def wait_gone(pids: list[int]) -> None:
    wait_for(lambda: not any(identify(pid).is_alive() for pid in pids), 240)


def test_commands_find_it_and_nothing_is_left_of_it(runtime: Path) -> None:
    (up,) = flowbackup("up")
    assert up["started"] and up["state"] == "up"
    assert "token" not in up
    (again,) = flowbackup("up")
    assert again["pid"] == up["pid"] and not again["started"]
    members = family(up["pid"])
    assert len(members) > 3, "gcs, raylet, hosts"
    first, second = backup(runtime, "--engine", "ray"), backup(runtime, "--engine", "ray")
    assert first["engine"] == second["engine"] == "ray (warm)"
    assert first["outcome"] == second["outcome"] == "success"
    catalog = str(runtime / "catalog.sqlite")
    assert [row["type"] for row in flowbackup("status", "--catalog", catalog)][:1] == ["ray"]
    with users_lock(share=True, seconds_max=10) as is_mine:
        assert is_mine
        (refused,) = flowbackup("down", exit_code=1)
    assert "commands use the warm Ray" in str(refused["text"])
    (down,) = flowbackup("down")
    assert down["ended"]
    wait_gone(members)
    assert sorted(path.name for path in (runtime / "flowbackup").glob("*")) == [
        "ray.log",
        "ray.users",
    ]
    assert not flowbackup("down")[0]["ended"]
    assert backup(runtime, "--engine", "ray")["engine"] == "ray (embedded)"


def test_one_whose_keeper_was_killed_is_not_believed(runtime: Path) -> None:
    (up,) = flowbackup("up")
    # Ray's own two agents take a minute to notice.
    members = [pid for pid in family(up["pid"]) if b"Agent" not in _command_of(pid)]
    os.kill(members[0], signal.SIGKILL)
    wait_gone(members)
    flowbackup("backup", str(runtime / "source"), "--to", str(runtime / "other"),
               "--catalog", str(runtime / "catalog.sqlite"))  # fmt: skip
    (state, *_) = flowbackup("status", "--catalog", str(runtime / "catalog.sqlite"))
    assert state["state"] == "dead"
    assert backup(runtime, "--engine", "ray")["engine"] == "ray (embedded)"
    (another,) = flowbackup("up")
    assert another["started"] and another["pid"] != up["pid"]


def test_what_a_killed_command_had_taken_ends_with_it(runtime: Path) -> None:
    flowbackup("up")
    catalog = str(runtime / "catalog.sqlite")
    words = ("backup", "--stdin", "pipe", "--to", str(runtime / "nas"), "--engine", "ray",
             "--catalog", catalog)  # fmt: skip
    with subprocess.Popen([*COMMAND, *words], stdin=subprocess.PIPE) as command:
        wait_for(lambda: _runs(catalog), 240)
        command.kill()
    # Its actors end with it, each when it is its turn on a busy machine.
    wait_for(lambda: is_free(runtime / "nas"), 240)
    summary = backup(runtime, "--engine", "ray")
    assert (summary["outcome"], summary["engine"]) == ("success", "ray (warm)")


def _runs(catalog: str) -> bool:
    if not os.path.exists(catalog):
        return False
    return any(row["type"] == "status" for row in flowbackup("status", "--catalog", catalog))
