"""Media of five sessions, the catalog that is lost, and how it is made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.media.checks.facts import Mode
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.testing.trees import random_tree
from tests.catalog.dump import Dump, dump
from tests.rebuild.written_media import Chain

BEHIND_THE_RECORD = ("finished_ns", "duration_seconds", "bytes_written", "frames", "syncs")
"""Sealing goes on when the record of a session has been written."""
MODES = [mode.value for mode in Mode]
DAMAGED_MEDIA_TELL = (Outcome.INCOMPLETE, 3)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, Dump]:
    """Three devices, and what the catalog knew that is lost: five sessions, of which the first and
    the fourth were killed; two clients with objects of the same name, small segments, so that a
    session has several.  Everything is below `folder`, with a copy beside it."""
    folder = tmp_path_factory.mktemp("rebuilding") / "folder"
    folder.mkdir()
    chain = Chain(folder, 3, segment_bytes=400 << 10)
    tree, small = folder / "tree", folder / "small"
    random_tree(str(tree), seed=11, files=40)
    small.mkdir()
    (small / "file").write_bytes(b"small")
    chain.backup({"web/site": tree}, killed=True)
    chain.backup({"web/site": tree, "db/site": small, "db/other": small})
    (small / "file").write_bytes(b"changed")
    chain.backup({"web/site": tree, "db/site": small})
    chain.backup({"db/site": small}, killed=True)
    chain.backup({"web/site": tree})
    known = dump(chain.catalog)
    chain.catalog.unlink()
    folder.rename(folder.with_name("pristine"))
    return chain, known


@pytest.fixture
def chain(written: tuple[Chain, Dump]) -> Chain:
    """The media as they were written, without a catalog."""
    chain, _ = written
    folder = chain.catalog.parent
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(folder.with_name("pristine"), folder, symlinks=True)
    return chain


@pytest.fixture
def lost(written: tuple[Chain, Dump]) -> Dump:
    """What the lost catalog knew."""
    return written[1]


@pytest.fixture
def tree(chain: Chain) -> Path:
    """What web/site was made of."""
    return chain.catalog.parent.with_name("pristine") / "tree"


def rebuild(
    chain: Chain, *locations: str, mode: str = "fast", fresh: bool = False,
    monitor: RecordingMonitor | None = None,
) -> SessionReport:  # fmt: skip
    """From all of its media unless some are named."""
    return api.rebuild(
        locations or chain.locations, monitor or SilentMonitor(), chain.catalog, mode=mode,
        fresh=fresh,
    )  # fmt: skip


def without_ends(known: Dump) -> Dump:
    """What media tell of killed sessions: that they were begun, and when, to the millisecond."""
    ended = [row for row in known["sessions"] if row[6] is not None]
    return known | {"sessions": ended}


def of_one(known: Dump, medium: bytes) -> Dump:
    """What one of several equal media tells."""
    return known | {
        name: [row for row in known[name] if row[0] == medium] for name in ("media", "copies")
    }
