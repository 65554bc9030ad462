"""Whom a cluster lets in.  Who reaches a Ray without a token runs what he likes as its user, on all
of its nodes: one that others can reach is joined with a token only, unless the user says so."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import ray
from ray._raylet import (  # type: ignore[attr-defined]  # compiled, without types
    AuthenticationMode,
    get_authentication_mode,
)

from flowbackup.errors import UsageError

VARIABLE = "FLOWBACKUP_WITHOUT_TOKEN"


def refuse_open_cluster() -> None:
    """Of the cluster that was just joined.  Raises UsageError."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    _refuse(node["NodeManagerAddress"] for node in nodes if node["Alive"])


def refuse_open_address(address: str) -> None:
    """Before anything is sent to it.  Raises UsageError."""
    host = urlsplit(address if "//" in address else f"//{address}").hostname
    if host and host != "auto":
        _refuse([host])


def _refuse(hosts: Iterable[str]) -> None:
    if get_authentication_mode() == AuthenticationMode.TOKEN or os.environ.get(VARIABLE):
        return
    beyond = [host for host in hosts if not is_loopback(host)]
    if beyond:
        raise UsageError(
            f"the cluster at {', '.join(beyond[:3])} is reached from other machines, and asks for "
            "no token: whoever comes to it can run any program on all of its nodes",
            remedy="set RAY_AUTH_MODE=token on all nodes and here (cluster/README.md), or set "
            f"{VARIABLE}=1 if nobody else is in its network",
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
