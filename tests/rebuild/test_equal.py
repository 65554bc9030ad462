"""Rebuild: a lost catalog and the one that is made from its media are the same."""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.rows import SessionState
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from tests.catalog.dump import Dump, assert_equal, dump
from tests.rebuild.conftest import MODES, of_one, rebuild, without_ends
from tests.rebuild.written_media import Chain
from tests.targets import Target


@pytest.mark.parametrize("mode", MODES)
def test_it_is_equal_to_the_lost_one(chain: Chain, lost: Dump, mode: str) -> None:
    report = rebuild(chain, mode=mode)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    found = dump(chain.catalog)
    assert_equal(without_ends(found), without_ends(lost))
    begun = {(row[0], row[1], row[5]) for row in lost["sessions"]}
    assert {(row[0], row[1], row[5]) for row in found["sessions"]} == begun
    assert len(found["sessions"]) == 5 and len(found["versions"]) == 8


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kept", range(3))
def test_one_medium_is_enough(chain: Chain, lost: Dump, kept: int, mode: str) -> None:
    rebuild(chain, chain.locations[kept], mode=mode)
    found = dump(chain.catalog)
    (medium,) = found["media"]
    assert_equal(without_ends(found), of_one(without_ends(lost), medium[0]))


def test_a_session_without_record_is_shown_as_interrupted(chain: Chain, lost: Dump) -> None:
    rebuild(chain)
    rows = [row for row in api.sessions(chain.catalog) if row.kind == "backup"]
    states = [row.state for row in rows]
    assert states.count(SessionState.INTERRUPTED) == 2
    assert rows[-1].state is SessionState.INTERRUPTED
    assert rows[-1].outcome is None and rows[-1].exit_code is None


def test_the_order_of_the_media_does_not_matter(chain: Chain, lost: Dump) -> None:
    for order in itertools.permutations(chain.locations):
        rebuild(chain, *order, fresh=True)
        assert_equal(without_ends(dump(chain.catalog)), without_ends(lost))
    chain.catalog.unlink()
    for location in reversed(chain.locations):
        rebuild(chain, location)
    assert_equal(without_ends(dump(chain.catalog)), without_ends(lost))


def test_once_more_changes_nothing(chain: Chain, lost: Dump) -> None:
    rebuild(chain)
    first = dump(chain.catalog)
    report = rebuild(chain, mode="paranoid")
    assert report.problems == ()
    assert_equal(dump(chain.catalog), first)


def test_what_was_rebuilt_restores(chain: Chain, lost: Dump, tree: Path, tmp_path: Path) -> None:
    for gone in chain.places[:2]:
        shutil.rmtree(gone)
    rebuild(chain, chain.locations[2])
    target = tmp_path / "back"
    request = api.RestoreRequest(catalog=chain.catalog)
    assert api.restore("web/site@2", str(target), request, SilentMonitor()).exit_code == 0
    assert list(differences(str(tree), str(target))) == []


def test_f9_fast_reads_under_a_twentieth(tmp_path: Path, target: Target) -> None:
    """Small files are the worst case: each has a row in the manifest for its few bytes."""
    source = tmp_path / "small-files"
    source.mkdir()
    chance = random.Random(9)
    for number in range(3000):
        (source / f"file-{number:05d}").write_bytes(chance.randbytes(10 << 10))
    chain = Chain(tmp_path, 1, frame_bytes=8 << 20)
    chain.backup({"web/site": source})
    known = dump(chain.catalog)
    parts = {}
    for mode in MODES:
        report = rebuild(chain, mode=mode, fresh=True)
        assert_equal(dump(chain.catalog), known)
        parts[mode] = report.bytes_read / report.bytes_source
    assert parts["fast"] < 0.05
    assert parts["fast"] <= parts["slow"] < 0.05
    assert parts["paranoid"] >= 1
    shown = f"equal; fast read {parts['fast']:.2%}, slow {parts['slow']:.2%} of 3,000 small files"
    target("F9", cases=len(MODES), text=shown)
