"""The package beside this file, built and installed for the tests of this folder."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.build import build_wheel

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture(autouse=True, scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    place = tmp_path_factory.mktemp("installed")
    before = os.getcwd()
    os.chdir(EXAMPLE)
    try:
        wheel = place / build_wheel(str(place))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place)
    sys.path.insert(0, str(place))
    yield
    sys.path.remove(str(place))
