"""A mirror that is to be required is first brought what the others hold: then the client sends no
more than what is new."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.source.known import CLOCK_GRAIN_NS
from flowbackup.testing.compare import differences
from flowbackup.units import KIB
from tests.judge import recovered_here
from tests.runtime.history import QUIET, History

OLD, NEW = 600 * KIB, 20 * KIB
COPY = """
graph: bring
devices: {{d0: {{path: {0}}}, more: {{path: {1}}}}}
restore_groups: {{readers: {{devices: [d0]}}}}
copy_groups: {{bring: {{copies: readers, devices: [more], select: {{versions: all}}}}}}
"""


def by_repair(history: History, more: Path) -> None:
    api.init_device(str(more), "more")
    request = api.RepairRequest(catalog=history.catalog, full=True)
    report = api.repair([str(more)], request, QUIET)
    assert report.exit_code == 0, report.problems


def by_copy(history: History, more: Path) -> None:
    file = history.folder / "bring.yaml"
    file.write_text(COPY.format(history.media[0], more))
    settings = api.RunSettings(catalog=history.catalog, init=True, engine="local")
    report = api.run_copy(api.load_plan(file), (), settings, QUIET)
    assert report.exit_code == 0, report.problems


def nothing(history: History, more: Path) -> None:
    """As it is without: the mirror is made by the backup, and all is sent again."""


@pytest.mark.parametrize("is_sealed", (False, True), ids=("plain", "sealed"))
@pytest.mark.parametrize(
    ("bring", "again"),
    ((by_repair, 0), (by_copy, 0), (nothing, OLD)),
)
def test_only_what_is_new_is_sent(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch, is_sealed: bool,
    bring: Callable[[History, Path], None], again: int,
) -> None:  # fmt: skip
    history = History(memory_path, is_sealed=is_sealed)
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(history.passphrase))
    (history.source / "old").write_bytes(os.urandom(OLD))
    # What was changed as lately as clocks tell apart is read again by the next session.
    time.sleep(2 * CLOCK_GRAIN_NS / 1e9)
    history.backup()
    more = memory_path / "more"
    bring(history, more)
    (history.source / "new").write_bytes(os.urandom(NEW))
    version = history.backup(more)
    assert (version.bytes_read, version.bytes_new) == (again + NEW, again + NEW)
    target = memory_path / "judged"
    assert recovered_here([more], target, version.object_id).problems == ()
    assert list(differences(str(history.source), str(target))) == []
