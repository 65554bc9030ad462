"""Which cluster is joined, and which of its nodes are worked with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import ray
from ray import cloudpickle

from flowbackup.errors import FlowbackupError, UsageError
from flowbackup.runtime.engines import on_ray, ray_trust, ray_versions
from flowbackup.runtime.engines.lean_ray import own_token
from flowbackup.runtime.engines.ray_start import ray_engine

SAME = {"flowbackup": "1", "ray": "2", "pyarrow": "3"}


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Of the nodes of a cluster that this process has joined, without a token."""
    found = ["127.0.0.1"]
    monkeypatch.delenv(ray_trust.VARIABLE, raising=False)
    monkeypatch.setattr(ray_trust, "get_authentication_mode", lambda: None)

    def nodes() -> list[dict[str, Any]]:
        return [{"NodeManagerAddress": address, "Alive": True} for address in found]

    monkeypatch.setattr(ray, "nodes", nodes)
    yield found


def test_a_cluster_beyond_loopback_is_joined_with_a_token_only(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_trust.refuse_open_cluster()
    addresses.append("10.1.2.3")
    with pytest.raises(UsageError, match=r"10\.1\.2\.3") as caught:
        ray_trust.refuse_open_cluster()
    assert "RAY_AUTH_MODE=token" in caught.value.remedy
    monkeypatch.setenv(ray_trust.VARIABLE, "1")
    ray_trust.refuse_open_cluster()


def test_nodes_that_are_gone_are_no_matter(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = {"NodeManagerAddress": "10.1.2.3", "Alive": False}
    monkeypatch.setattr(ray, "nodes", lambda: [dead])
    ray_trust.refuse_open_cluster()


def test_with_a_token_it_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: [{"NodeManagerAddress": "10.1.2.3", "Alive": True}])
    with own_token():
        ray_trust.refuse_open_cluster()


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("http://127.0.0.1:8265", False), ("http://localhost:8265", False),
        ("http://[::1]:1", False), ("auto", False), ("http://head:8265", True),
        ("https://10.0.0.1", True), ("head:6379", True),
    ],
)  # fmt: skip
def test_a_job_server_of_others_is_sent_nothing_without_a_token(
    address: str, is_open: bool, addresses: list[str]
) -> None:
    if is_open:
        with pytest.raises(UsageError, match="token"):
            ray_trust.refuse_open_address(address)
    else:
        ray_trust.refuse_open_address(address)


def test_a_node_with_other_versions_is_named_with_them() -> None:
    answers = {
        "vault": SAME, "usb": {**SAME, "pyarrow": "4"}, "far": {"ray": "2", "pyarrow": "3"},
        "more": {**SAME, "flowbackup": ""},
    }  # fmt: skip
    assert ray_versions.differences(SAME, answers) == [
        'node "usb" has pyarrow 4 instead of 3',
        'node "far" has flowbackup missing instead of 1',
        'node "more" has flowbackup missing instead of 1',
    ]


def test_a_session_is_refused_by_the_node_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ray_versions.asking()(ray_versions.COMPARED)
    answers = {"1": here, "2": {**here, "flowbackup": "0.0.9"}}
    monkeypatch.setattr(ray_versions, "_told", lambda asked, node: answers[node])
    monkeypatch.setattr(ray, "get", lambda answer, timeout: answer)
    ray_versions.refuse_other_versions({"usb": "1"})
    with pytest.raises(FlowbackupError, match=r'^node "vault" has flowbackup 0\.0\.9 instead of'):
        ray_versions.refuse_other_versions({"usb": "1", "vault": "2"})


STRANGER = """
import sys
sys.modules["flowbackup"] = None
from ray import cloudpickle
print(cloudpickle.loads(bytes.fromhex(sys.stdin.read()))(("ray", "no-such-package")))
"""


def test_the_question_needs_nothing_of_ours_where_it_is_asked() -> None:
    asked = ray_versions.asking()
    told = asked(ray_versions.COMPARED)
    assert set(told) == set(ray_versions.COMPARED) and all(told.values())
    there = subprocess.run(
        [sys.executable, "-c", STRANGER], input=cloudpickle.dumps(asked).hex(), text=True,
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert eval(there) == {"ray": told["ray"], "no-such-package": ""}


def test_who_joins_an_open_cluster_is_refused(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses.append("10.1.2.3")
    joined: list[str] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda address, **how: joined.append(address))
    monkeypatch.setattr(ray, "shutdown", lambda *how: joined.append("left"))
    with pytest.raises(UsageError, match="token"), ray_engine("10.1.2.3:6379"):
        raise AssertionError("never inside")
    assert joined == ["10.1.2.3:6379", "left"]


def test_each_node_is_asked_once_and_this_one_never(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []
    found = {"here": "0", "usb": "1"}

    class Context:
        def get_node_id(self) -> str:
            return "0"

    monkeypatch.setattr(ray, "get_runtime_context", Context)
    monkeypatch.setattr(on_ray, "place", lambda nodes: dict(found))
    monkeypatch.setattr(on_ray, "refuse_other_versions", asked.append)
    engine = on_ray.RayEngine("ray")
    assert engine.place(()) == found
    found["vault"] = "2"
    engine.place(())
    engine.place(())
    assert asked == [{"usb": "1"}, {"vault": "2"}, {}]
