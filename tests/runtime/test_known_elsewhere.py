"""Content that an older version, another object or another graph has brought is not sent again."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.ids import id_text
from flowbackup.model.report import ObjectReport
from flowbackup.plan.decided import Plan
from flowbackup.testing.compare import differences
from flowbackup.units import KIB
from tests.judge import recovered_here
from tests.runtime.history import QUIET, History

SMALL, LARGE = 20 * KIB, 600 * KIB


@pytest.fixture
def history(memory_path: Path) -> History:
    history = History(memory_path, devices=2)
    (history.source / "stays").write_bytes(os.urandom(SMALL))
    return history


def write(history: History) -> tuple[bytes, bytes]:
    """A small file and a large one, of three frames."""
    contents = os.urandom(SMALL), os.urandom(LARGE)
    put(history, *contents)
    return contents


def put(history: History, small: bytes, large: bytes) -> None:
    (history.source / "small").write_bytes(small)
    (history.source / "large").write_bytes(large)


def remove(history: History) -> None:
    (history.source / "small").unlink()
    (history.source / "large").unlink()


def run(history: History, plan: Plan) -> tuple[ObjectReport, ...]:
    settings = api.RunSettings(catalog=history.catalog, create=True, init=True, engine="local")
    report = api.run_backup(plan, settings, QUIET)
    assert report.exit_code == 0, report.problems
    return report.objects


def assert_kept(history: History, version: ObjectReport, source: Path | None = None) -> None:
    """From each medium alone, by a reader that shares no code."""
    for number, medium in enumerate(history.media):
        target = history.folder / f"judged-{version.object_id}-{number}"
        shutil.rmtree(target, ignore_errors=True)
        assert recovered_here([medium], target, version.object_id).problems == ()
        assert list(differences(str(source or history.source), str(target))) == []


def test_of_an_older_version(history: History) -> None:
    contents = write(history)
    history.backup()
    remove(history)
    for _ in range(3):
        history.backup()
    put(history, *contents)
    version = history.backup()
    assert (version.bytes_read, version.bytes_new) == (SMALL + LARGE, 0)
    assert version.copies_durable == 2
    assert_kept(history, version)


def test_a_catalog_made_anew_knows_it(history: History) -> None:
    contents = write(history)
    history.backup()
    remove(history)
    history.backup()
    history.rebuild()
    put(history, *contents)
    assert history.backup().bytes_new == 0


def test_of_another_object_and_graph(history: History) -> None:
    write(history)
    history.backup()
    other = history.folder / "other"
    (history.source / "large").parent.rename(other)
    history.source.mkdir()
    (history.source / "new").write_bytes(os.urandom(SMALL))
    plan = history.plan()
    (tree,) = plan.objects
    plan = replace(
        plan, graph="second", objects=(tree, replace(tree, name="other", path=str(other)))
    )
    first, second = run(history, plan)
    assert (first.bytes_new, second.bytes_new) == (SMALL, 0)
    assert second.bytes_deduplicated == 2 * SMALL + LARGE and second.copies_durable == 2
    assert_kept(history, second, other)
    # Nobody needs the object that brought it any more.
    found = [version.object_id for version in history.versions() if version.number == 1]
    history.forget([id_text(object_id) for object_id in found[:1]])
    history.prune()
    assert_kept(history, second, other)


def test_not_what_one_of_the_devices_lacks(history: History) -> None:
    contents = write(history)
    history.backup()
    remove(history)
    history.backup()
    more = history.folder / "more"
    put(history, *contents)
    assert history.backup(more).bytes_new == 2 * SMALL + LARGE
    history.media.append(more)
    assert_kept(history, history.backup())


def test_not_what_was_pruned(history: History) -> None:
    contents = write(history)
    history.backup()
    remove(history)
    history.backup()
    history.forget(["tree@1"])
    history.prune()
    with open_catalog(history.catalog) as catalog:
        left = {item.frame for item in catalog.earlier.chunks.holders(sealed=False)}
        needed = {row.frame for row in catalog.frames_of(history.version(2))}
    assert left <= needed
    put(history, *contents)
    version = history.backup()
    # What lay in one frame with `stays` is still there.
    assert version.bytes_new >= 2 * 256 * KIB
    assert_kept(history, version)


def test_what_is_forgotten_and_used_again_is_not_pruned(history: History) -> None:
    contents = write(history)
    history.backup()
    remove(history)
    history.backup()
    history.forget(["tree@1"])
    put(history, *contents)
    version = history.backup()
    assert version.bytes_new == 0
    history.prune()
    assert_kept(history, version)


def test_not_what_is_sealed_otherwise(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In plain frames, or under another key."""
    plain = History(memory_path)
    write(plain)
    plain.backup()
    for _ in range(2):
        sealed = History(memory_path, is_sealed=True)
        monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(sealed.passphrase))
        assert sealed.backup().bytes_new == SMALL + LARGE
        (memory_path / "history.key").unlink()
    assert plain.backup().bytes_new == 0
