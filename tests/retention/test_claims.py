"""Who uses a catalog and who takes away from it: never both at a time, and each is told of whom."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import PruneRequest, RestoreRequest
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.claim import exclusive_claim, open_shared, shared_claim
from flowbackup.catalog.holder import holder_text
from flowbackup.errors import DeviceLockedError
from flowbackup.model.ids import new_id
from flowbackup.monitor import SilentMonitor
from tests.retention.keeping import Keeping


@pytest.fixture
def path(tmp_path: Path) -> Path:
    open_catalog(tmp_path / "c.sqlite").close()
    return tmp_path / "c.sqlite"


def test_any_number_may_use_it_and_one_takes_away_alone(path: Path) -> None:
    with open_catalog(path) as catalog:
        with shared_claim(path), shared_claim(path):
            with pytest.raises(DeviceLockedError, match="another command"):
                exclusive_claim(catalog, "flowbackup prune").__enter__()
        with exclusive_claim(catalog, "flowbackup prune"):
            with pytest.raises(DeviceLockedError, match=r"flowbackup prune \(process \d+") as told:
                open_shared(path, wait_seconds_max=0).__enter__()
            assert told.value.exit_code == 11
            with pytest.raises(DeviceLockedError):
                exclusive_claim(catalog, "flowbackup forget").__enter__()
        with shared_claim(path, 0):
            assert Path(f"{path}.claim").read_bytes() == b""


def test_who_takes_away_names_the_sessions_that_run(path: Path) -> None:
    with open_catalog(path) as catalog:
        catalog.begin_session(new_id(), "backup", "nightly", "", "here", 10**18, holder_text())
        with shared_claim(path), pytest.raises(DeviceLockedError, match='of graph "nightly"'):
            exclusive_claim(catalog, "flowbackup prune").__enter__()


def test_who_may_wait_gets_it_when_it_is_free(path: Path) -> None:
    fd = os.open(f"{path}.claim", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_SH)
    threading.Timer(0.2, os.close, (fd,)).start()
    with open_catalog(path) as catalog, exclusive_claim(catalog, "flowbackup prune", 60):
        pass


def test_a_catalog_that_can_only_be_read_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("flowbackup.catalog.claim.os.open", refused)
    with shared_claim(path):
        pass


def test_commands_that_read_or_write_media_claim_it(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    keeping.write("a", 1000)
    keeping.backup()
    catalog, quiet = keeping.local.catalog_path, SilentMonitor()
    with open_catalog(catalog) as opened, exclusive_claim(opened, "flowbackup prune"):
        for command in (
            lambda: api.restore("latest", str(tmp_path / "x"), RestoreRequest(catalog), quiet),
            lambda: api.verify((), quiet, catalog),
            lambda: api.repair((), api.RepairRequest(catalog), quiet),
            lambda: api.rebuild([str(keeping.place())], quiet, catalog),
            lambda: api.prune((), PruneRequest(catalog), quiet),
            lambda: api.forget((), api.ForgetRequest(catalog, api_policy()), quiet),
        ):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("flowbackup.catalog.claim.LOOK_SECONDS", 6.0)
                with pytest.raises(DeviceLockedError):
                    command()


def api_policy() -> object:
    from flowbackup.model.retention import RetentionPolicy

    return RetentionPolicy(last=1)
