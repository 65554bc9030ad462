"""Settings that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Ray must not phone home, and no test may meet the catalog of the person who runs it.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

# Machines that run tests are slow and shared: a deadline would only measure them.
settings.register_profile("flowbackup", deadline=None)
settings.load_profile("flowbackup")


@pytest.fixture(autouse=True)
def _own_data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))
    monkeypatch.delenv("FLOWBACKUP_CATALOG", raising=False)
    yield
