"""A server of the page inside the test, on roots of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from flowbackup.ui.app import make_app
from flowbackup.ui.settings import Settings

ADDRESS = "http://127.0.0.1:8370"
GRAPH = """\
# what this is for
graph: nightly             # its name
clients:
  web:
    objects:
      site: {path: site, group: primary}    # all of it
devices:
  nas: {path: devices/nas}    # in the cellar
  usb:
    # plugged in on Fridays
    path: devices/usb
  vault: {path: devices/vault}
backup_groups:
  primary: {devices: [nas], buffers: 8}
mirror_groups:
  offsite: {devices: [usb], mirrors: primary}
  late: {devices: [vault]}
couplings:
  # the last level
  - offsite -> late
"""


@dataclass(frozen=True)
class Page:
    """client: has the token.  root: the only folder that may be used."""

    client: TestClient
    settings: Settings
    root: Path

    def get(self, route: str, /, **query: Any) -> Any:
        """The JSON of a good answer."""
        answer = self.client.get(f"/api/{route}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, route: str, /, **body: Any) -> Any:
        """The JSON of a good answer."""
        answer = self.client.post(f"/api/{route}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def refused(self, method: str, route: str, /, **said: Any) -> tuple[int, dict[str, Any]]:
        """Status and error of a refusal."""
        answer = self.client.request(method, f"/api/{route}", **said)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    root = tmp_path / "root"
    root.mkdir()
    return Settings(
        roots=(root,), state=tmp_path / "state", token="secret", catalog=tmp_path / "catalog.sqlite"
    )


@pytest.fixture
def page(settings: Settings) -> Iterator[Page]:
    headers = {"authorization": f"Bearer {settings.token}"}
    with TestClient(make_app(settings), base_url=ADDRESS, headers=headers) as client:
        yield Page(client, settings, settings.roots[0])
