"""Runs the command line inside the test, on an api that answers with what a test gave it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from flowbackup import api
from flowbackup.cli.main import run
from flowbackup.cli.output import Output


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code and both streams."""

    exit_code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


RunCommand = Callable[..., Ran]
FakeApi = Callable[..., mock.Mock]


@pytest.fixture(autouse=True)
def no_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the api is not faked for meets no catalog of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("FLOWBACKUP_CATALOG", raising=False)


@pytest.fixture
def flowbackup(capsys: pytest.CaptureFixture[str]) -> RunCommand:
    """flowbackup("ls", "latest") -> Ran."""

    def run_command(*arguments: str) -> Ran:
        exit_code = run(arguments, Output(json="--json" in arguments))
        out, err = capsys.readouterr()
        return Ran(exit_code, out, err)

    return run_command


@pytest.fixture
def fake_api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """fake_api("objects", rows) makes api.objects answer with rows, or raise an exception.

    The fake has the signature of the real function, so that a call which the api would refuse
    fails here too."""

    originals: dict[str, object] = {}

    def replace(name: str, answer: object) -> mock.Mock:
        fake = mock.create_autospec(originals.setdefault(name, getattr(api, name)))
        raises = isinstance(answer, BaseException) or callable(answer)
        fake.side_effect = answer if raises else None
        fake.return_value = None if raises else answer
        monkeypatch.setattr(api, name, fake)
        return fake

    return replace
