"""Any sequence of changes, backups, forgets, prunes, deaths between any two steps and losses of the
catalog: every version that is kept comes back as it was, and no other one is there.

The model is a dict of what each version held.  `recover.py` is the judge: it knows no catalog.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from flowbackup import api
from flowbackup.api import RestoreRequest
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import RestoreError
from flowbackup.model.ids import id_text
from flowbackup.model.report import FreedReport, Outcome
from flowbackup.model.retention import RetentionPolicy
from flowbackup.monitor import SilentMonitor
from flowbackup.units import KIB
from tests.catalog.dump import assert_equal, dump
from tests.local_backup import Died
from tests.media.media_samples import EMPTY_BYTES
from tests.retention.keeping import Keeping, Tree
from tests.retention.killing import Killed, Killing

NAMES = ("a", "b", "c", "d")
DEVICES = ("disk", "usb")
SET_BYTES = EMPTY_BYTES + 1500 * KIB
"""Of a medium: it is full after some backups, and may take what another one has of a segment."""
OF_SESSIONS = {"sessions", "session_devices", "problems"}
"""Of killed ones media tell less than the catalog that began them."""


class Model:
    """What is done, and what must be there then."""

    def __init__(self, folder: Path, seed: int, media_bytes: int = 0) -> None:
        """media_bytes: of the media of the first device, if that is a set."""
        self.random = Random(seed)
        sizes = {DEVICES[0]: media_bytes}
        self.keeping = Keeping(folder, *DEVICES, seed=seed, media_bytes=sizes)
        self.moved_between = 0
        self.kept: dict[bytes, tuple[VersionRow, Tree]] = {}
        self.untold: set[bytes] = set()
        self.log: list[str] = []
        self.actions: tuple[Callable[[], object], ...] = (
            self.change, self.change, self.back_up, self.back_up, self.die_in_backup, self.forget,
            self.prune, self.die_in_prune, self.lose_catalog, self.restore,
        )  # fmt: skip
        self.change()
        self.back_up()

    def step(self) -> None:
        action = self.random.choice(self.actions)
        self.log.append(action.__name__)
        action()
        self.check()

    # Actions

    def change(self) -> None:
        name = self.random.choice(NAMES)
        if name in self.keeping.tree and self.random.random() < 0.3:
            self.keeping.remove(name)
        else:
            self.keeping.write(name, self.random.choice([10, 20_000, 150_000, 400_000]))

    def back_up(self) -> None:
        fails = self.random.random() < 0.2
        version = self.keeping.backup(
            fails_at={"usb": self.random.randrange(1, 6)} if fails else None,
            tags=self.random.choice([(), ("release",)]),
        )
        self.kept[version.object_id] = version, dict(self.keeping.tree)

    def die_in_backup(self) -> None:
        with pytest.raises(Died):
            self.keeping.backup(dies_at=self.random.randrange(1, 8))

    def forget(self) -> None:
        policy = RetentionPolicy(
            last=self.random.randrange(3), hourly=self.random.randrange(3),
            daily=self.random.randrange(1, 3), tags=self.random.choice([(), ("release",)]),
        )  # fmt: skip
        foreseen = self.keeping.forget_by(policy, dry_run=True)
        decisions = self.keeping.forget_by(policy)
        assert decisions == foreseen
        assert {d.version.object_id for d in decisions} == {*self.kept}
        newest = max(self.kept.values(), key=lambda kept: kept[0].number)[0].object_id
        assert any(d.keeps for d in decisions if d.version.object_id == newest)
        for decision in decisions:
            if not decision.keeps:
                del self.kept[decision.version.object_id]
                self.untold.add(decision.version.object_id)

    def prune(self) -> bool:
        """Whether media were told what is forgotten: a full one cannot be."""
        share = self.random.choice([None, Fraction(0), Fraction(1, 20), Fraction(1, 2)])
        foreseen = self.keeping.prune(max_unused=share, dry_run=True)
        report = self.keeping.prune(max_unused=share)
        assert report.outcome is Outcome.SUCCESS, report
        self.moved_between += sum(bool(freed.moved_to) for freed in report.freed)
        kept = [kept for freed in report.freed for kept in freed.kept]
        if any("to tell the medium" in item.text for item in kept):
            # Also of objects that were never finished, which only the run forgets.
            return False
        assert [*map(without_room, report.freed)] == [*map(without_room, foreseen.freed)]
        self.untold.clear()
        return True

    def die_in_prune(self) -> None:
        calls = Killing(self.random.randrange(1, 150), late=self.random.random() < 0.5)
        with calls.in_catalog():
            try:
                self.keeping.prune(dict.fromkeys(DEVICES, calls))
                self.untold.clear()
            except Killed:
                self.keeping.let_go()

    def lose_catalog(self) -> None:
        """What media were told is not forgotten by them."""
        if not self.prune():
            return
        before = dump(self.keeping.local.catalog_path)
        report = api.rebuild(self._places(), SilentMonitor(), self._catalog, fresh=True)
        assert report.outcome is Outcome.SUCCESS, report.problems
        after = dump(self.keeping.local.catalog_path)
        # A prune that died may have told a medium what it did not live to remember.
        assert {*before.pop("forgotten_told")} <= {*after["forgotten_told"]}
        for table in sorted(before.keys() - OF_SESSIONS):
            assert_equal({table: after[table]}, {table: before[table]})

    def restore(self) -> None:
        version, tree = self.random.choice([*self.kept.values()])
        target = self.keeping.folder / "restored"
        shutil.rmtree(target, ignore_errors=True)
        request = RestoreRequest(catalog=self._catalog)
        try:
            report = api.restore(id_text(version.object_id), str(target), request, SilentMonitor())
        except RestoreError as error:
            raise AssertionError(str(error)) from error
        assert report.outcome is Outcome.SUCCESS, report.problems
        (root,) = [path for path in (target, target / "site") if _holds(path, tree)] or [None]
        assert root is not None, "not what was backed up"

    # What must be there

    def check(self) -> None:
        listed = self.keeping.judged()
        wanted = {id_text(object_id) for object_id in self.kept}
        assert wanted <= listed
        assert {v.object_id for v in self.keeping.versions()} == {*self.kept}
        version, tree = self.random.choice([*self.kept.values()])
        self.keeping.recovers(version, tree)

    def check_all(self) -> None:
        is_told = self.prune()
        for version, tree in self.kept.values():
            self.keeping.recovers(version, tree)
        wanted = {id_text(object_id) for object_id in self.kept}
        assert not is_told or self.keeping.judged() == wanted

    @property
    def _catalog(self) -> Path:
        return self.keeping.local.catalog_path

    def _places(self) -> list[str]:
        return [str(self.keeping.place(name)) for name in DEVICES]


def without_room(freed: FreedReport) -> FreedReport:
    """Without how much a medium has left: what killed sessions have left there, only the run takes
    away or tells it of."""
    kept = tuple(replace(k, text="") if k.reason == "room" else k for k in freed.kept)
    return replace(freed, kept=kept)


def _holds(path: Path, tree: Tree) -> bool:
    if not path.is_dir():
        return False
    return {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()} == tree


def run(folder: Path, seed: int, steps: int, media_bytes: int = 0) -> int:
    """How many media have given frames to others of their set."""
    model = Model(folder, seed, media_bytes)
    try:
        for _ in range(steps):
            model.step()
        model.check_all()
    except BaseException as error:
        error.add_note(f"seed {seed}: {', '.join(model.log)}")
        raise
    return model.moved_between


@pytest.mark.parametrize("seed", range(4))
def test_some_sequences(memory_path: Path, seed: int) -> None:
    run(memory_path, seed, 12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_sequences(memory_path: Path, seed: int) -> None:
    run(memory_path, seed, 25)


@pytest.mark.parametrize("seed", (402, 405))
def test_some_sequences_on_a_set(memory_path: Path, seed: int) -> None:
    run(memory_path, seed, 30, SET_BYTES)


@pytest.mark.slow
def test_many_sequences_on_a_set(memory_path: Path) -> None:
    moved = [run(memory_path / str(seed), seed, 30, SET_BYTES) for seed in range(300, 340)]
    assert any(moved), "no frame went from one medium of a set to another"
