"""Prune: what was written anew before something failed is known, and is not written once more."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError, FlowbackupError
from flowbackup.media import moving
from flowbackup.media.pruning import SegmentPruner
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader
from tests.local_backup import FRAME_BYTES
from tests.retention.full_set import full_set
from tests.retention.keeping import Keeping

FAILURES = (DeviceError("it is full", errno=errno.ENOSPC), DamageError("it cannot be read"))


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("nth", [2, 4, 6, 7])
def test_groups_before_the_one_that_fails_are_known(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch, failure: FlowbackupError, nth: int
) -> None:  # fmt: skip
    keeping, kept = full_set(memory_path)
    monkeypatch.setattr(moving, "GROUP_BYTES", FRAME_BYTES // 2)
    with monkeypatch.context() as patch:
        _failing(patch, failure, nth)
        keeping.prune()
    keeping.let_go()
    # What a session that ended without a seal has left is taken over by the next look.
    keeping.prune()
    assert not _untold(keeping)
    for version, tree in kept:
        keeping.recovers(version, tree)


def _failing(patch: pytest.MonkeyPatch, failure: FlowbackupError, nth: int) -> None:
    """At the nth frame of content that is written."""
    append = SegmentPruner._append
    calls = 0

    def failing(
        pruner: SegmentPruner, session: bytes, header: FrameHeader, payload: memoryview
    ) -> None:  # fmt: skip
        nonlocal calls
        calls += header.stream != 0
        if calls == nth and header.stream:
            raise failure
        append(pruner, session, header, payload)

    patch.setattr(SegmentPruner, "_append", failing)


def _untold(keeping: Keeping) -> list[FramePlace]:
    """Where frames lie of which the catalog does not know."""
    found = [frame for reader in keeping.readers() for frame in reader.frames()]
    with keeping.local.catalog() as catalog:
        known = {
            copy.place for frame in found for copy in catalog.copies_of_frame(frame.header.frame_id)
        }
    return [frame.place for frame in found if frame.place not in known]
