"""The control channel by itself: who may speak, how much, and what is left of it.  No Ray."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import (
    DeviceLockedError,
    FlowbackupError,
    GraphError,
    PeerLostError,
    ProtocolError,
    UsageError,
)
from flowbackup.model.ids import id_text, new_id
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.control import channel as channel_module
from flowbackup.runtime.control import requests as requests_module
from flowbackup.runtime.control.caller import call
from flowbackup.runtime.control.channel import Channel
from flowbackup.runtime.control.message import REQUEST_BYTES_MAX, Message
from flowbackup.runtime.control.place import remove_stale, socket_name
from flowbackup.runtime.control.requests import Request, Requests
from flowbackup.runtime.control.sessions import ask_session, states
from flowbackup.runtime.user_directory import user_directory

SESSION = new_id()
RAISED: dict[str, Exception] = {
    "usage": UsageError("no such mirror", remedy="name another"),
    "graph": GraphError("no valid graph", findings=("a:1:1 one", "a:2:1 two")),
    "locked": DeviceLockedError("usb is locked", device="usb", holder="somebody"),
    "fault": KeyError("x"),
}


def answer(request: Request) -> Message:
    device = request.text("device")
    if device in RAISED:
        raise RAISED[device]
    return {"agent": f"{request.verb} {device}", "init": request.is_set("init")}


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Longer than an address of a socket may be."""
    place = tmp_path / ("long" * 30)
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    return place / "flowbackup"


@pytest.fixture
def path() -> Iterator[str]:
    with Channel(SESSION, answer) as listening:
        assert listening.fault == ""
        yield listening.path


def ask(path: str, verb: str = "attach", **arguments: object) -> Message:
    return call(path, verb, arguments, 60.0)


def spoken(path: str, data: bytes) -> Message:
    """What comes back for raw bytes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        holder = os.open(Path(path).parent, os.O_RDONLY)
        raw.connect(f"/proc/self/fd/{holder}/{Path(path).name}")
        os.close(holder)
        raw.settimeout(60)
        raw.sendall(data)
        with raw.makefile("rb") as lines:
            value = json.loads(lines.readline() or b"{}")
    assert isinstance(value, dict)
    return value


def test_a_request_is_answered_and_only_its_user_can_reach_the_socket(path: str) -> None:
    assert ask(path, device="usb", init=True) == {"ok": True, "agent": "attach usb", "init": True}
    assert ask(path, "status", device=7)["agent"] == "status ", "a text or nothing"
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert Path(path).parent.stat().st_mode & 0o777 == 0o700


def test_errors_of_the_session_are_those_of_who_asks(path: str) -> None:
    with pytest.raises(UsageError) as usage:
        ask(path, device="usage")
    assert str(usage.value) == "no such mirror (name another)"
    with pytest.raises(GraphError) as graph:
        ask(path, device="graph")
    assert graph.value.findings == ("a:1:1 one", "a:2:1 two")
    with pytest.raises(DeviceLockedError, match="usb is locked") as locked:
        ask(path, device="locked")
    assert locked.value.exit_code == 11
    with pytest.raises(FlowbackupError, match="unexpected KeyError"):
        ask(path, device="fault")
    with pytest.raises(UsageError, match="knows no verb 'delete'"):
        ask(path, "delete")


@pytest.mark.parametrize("data", [b"no json\n", b"[1]\n", b'{"verb": 7}\n', b"\n"])
def test_what_is_no_request_is_refused(path: str, data: bytes) -> None:
    assert spoken(path, data)["ok"] is False
    assert ask(path, device="usb")["ok"] is True


def test_a_request_without_end_is_refused(path: str) -> None:
    assert "exceeds" in str(spoken(path, b"x" * (REQUEST_BYTES_MAX + 1))["text"])


def test_who_says_nothing_is_not_waited_for(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "LISTEN_SECONDS_MAX", 0.05)
    assert spoken(path, b'{"verb": ')["text"] == "no request came"


def test_another_user_gets_no_answer(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "peer_uid", lambda connection: os.geteuid() + 1)
    with pytest.raises((ProtocolError, PeerLostError)):
        ask(path, device="usb")


def test_nothing_is_left_and_nobody_answers_then(runtime_dir: Path) -> None:
    with Channel(SESSION, answer) as listening:
        assert [p.name for p in runtime_dir.iterdir()] == [Path(listening.path).name]
    assert list(runtime_dir.iterdir()) == []
    with pytest.raises(PeerLostError, match="no session answers at"):
        ask(listening.path)
    assert "control" not in [thread.name for thread in threading.enumerate()]


def test_sockets_of_dead_processes_go_and_others_stay(runtime_dir: Path) -> None:
    here, directory = identify(), user_directory()
    boot = here.boot[:8]
    ours = socket_name(SESSION)
    stays = {ours, "something.sock", "a.b.c.d.sock", f"s.{boot}.x.7.sock"}
    stale = {
        f"s.{boot}.{here.pid}.{here.start_ticks + 1}.sock", f"s.{boot}.4194303.7.sock",
        f"s.00000000.{here.pid}.{here.start_ticks}.sock",
    }  # fmt: skip
    for name in stays | stale:
        (directory / name).touch()
    with Channel(new_id(), answer):
        assert stale & {p.name for p in directory.iterdir()} == set()
    remove_stale(directory)
    assert {p.name for p in directory.iterdir()} == stays
    assert id_text(SESSION) in ours


def test_a_directory_that_others_can_enter_is_not_used(runtime_dir: Path) -> None:
    runtime_dir.mkdir(mode=0o755)
    runtime_dir.chmod(0o755)
    with Channel(SESSION, answer) as listening:
        assert listening.path == ""
        assert "no directory of this user alone" in listening.fault
    assert list(runtime_dir.iterdir()) == []


def test_requests_are_answered_where_the_session_is() -> None:
    requests = Requests()
    answers: list[Message] = []
    asking = threading.Thread(
        target=lambda: answers.append(requests.ask(Request("detach", {"device": "usb"}), 60))
    )
    asking.start()
    seen: list[str] = []

    def answer_here(request: Request) -> Message:
        seen.append(threading.current_thread().name)
        return {"agent": request.text("device")}

    while not answers and asking.is_alive():
        requests.answer_all(answer_here)
    asking.join()
    assert answers == [{"agent": "usb"}]
    assert seen == [threading.current_thread().name]


def test_a_session_that_ends_or_is_busy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests_module, "WAITING_MAX", 1)
    requests = Requests()
    with pytest.raises(PeerLostError, match="did not come to it within 0 s"):
        requests.ask(Request("detach"), 0)
    with pytest.raises(PeerLostError, match="1 requests waiting"):
        requests.ask(Request("detach"), 0)
    requests.answer_all(lambda request: pytest.fail("who asked has gone"))
    requests.close()
    with pytest.raises(PeerLostError, match="the session is ending"):
        requests.ask(Request("detach"), 0)


def test_a_session_of_another_host_is_known_by_the_catalog_and_asked_there(tmp_path: Path) -> None:
    far = ProcessIdentity("far", "its boot", 7, 1).as_dict() | {"channel": "/run/session.sock"}
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        catalog.begin_session(SESSION, "backup", "nightly", "", "far", 1, json.dumps(far))
        (state,) = states(catalog)
        assert (state["graph"], state["host"]) == ("nightly", "far")
        assert "runs on far (run the command there; " in state["fault"]
        for verb in ("status", "detach"):
            with pytest.raises(UsageError, match="`ray job submit` does"):
                ask_session(catalog, "latest", verb, {})
