"""Any sequence of changes of a tree, backups, forgets, prunes, losses of the catalog and deaths
between any two steps of these gives back what a naive model says: a dict of all states that were
backed up and not forgotten.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flowbackup import api
from flowbackup.catalog.rows import SessionRow, VersionRow
from flowbackup.model.ids import id_text
from flowbackup.model.retention import RetentionPolicy
from flowbackup.units import KIB
from tests.judge import check_here, listed_here, recovered_here
from tests.runtime.history import CUT, FIXED, QUIET, History, Setup
from tests.runtime.mortals import Mortals
from tests.runtime.tree_changes import WHICH, State, TreeChanges, state_of

VERSIONS_MAX = 10
SHARES = st.sampled_from(["0", "", "1/20"])
SOME_OLD = st.sets(st.integers(0, VERSIONS_MAX), min_size=1, max_size=3)
STEPS = st.integers(1, 90)
"""A session of these trees takes about as many: some of those that are to die live to their end."""
SEED = int(os.environ.get("FLOWBACKUP_SEED", "0"))
"""Of many histories that are others than those that every run looks at."""
FRAME = "128 KiB"
"""So small that a file has some, and a version needs a part of what another one has brought."""
SOME = (
    Setup(1, FIXED), Setup(2, CUT, is_sealed=True), Setup(2, FIXED, media_size="3 MiB"),
    Setup(1, CUT, is_sealed=True, media_size="3 MiB"),
)  # fmt: skip
"""Each choice, and each two of them together."""


class Kept(NamedTuple):
    """is_everywhere: on each of the devices by itself, as what a session was told to have ended
    well is."""

    number: int
    state: State
    is_everywhere: bool = True


class Histories(TreeChanges):
    """Versions are kept by their ids.

    A version that is forgotten may come back with a catalog that is made anew, as long as media
    were not told; what a backup had written that died, may become one.
    """

    def __init__(self, setup: Setup, mortals: Mortals) -> None:
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._folder = Path(tempfile.mkdtemp(prefix="flowbackup-test-", dir=base))
        self._setup = {
            "devices": setup.devices, "chunking": setup.chunking, "is_sealed": setup.is_sealed,
            "media_size": setup.media_size, "frame_size": FRAME,
        }  # fmt: skip
        self._history = History(self._folder, **self._setup)
        super().__init__(self._history.source)
        self._mortals = mortals
        self._environment = pytest.MonkeyPatch()
        passphrase = str(self._history.passphrase)
        self._environment.setenv("FLOWBACKUP_PASSPHRASE_FILE", passphrase)
        self._kept: dict[bytes, Kept] = {}
        self._untold: dict[bytes, Kept] = {}
        self._died: list[State] = []
        self._gone: list[State] = []
        self._ended: dict[tuple[bytes, bytes], SessionRow] = {}
        self._moved_bytes = 0

    def teardown(self) -> None:
        self._environment.undo()
        shutil.rmtree(self._folder)

    @initialize(which=WHICH)
    def make_two(self, which: int) -> None:
        """So that there is something to forget from the first step on, and was: a segment of which
        the two need a part, c, has been written anew, what was freed came back, a backup died."""
        self.begin(which)
        self.write("b", 200 * KIB, which)
        self.write("c", 200 * KIB, which + 3)
        if len(self._history.media) > 1:
            self.backup_alone(which)
        else:
            self.backup(full=False)
        for content in (which + 1, which + 2):
            self.change(0, 0.5, keeps_time=False)
            self.write("b", 200 * KIB, content)
            self.backup(full=False)
        # What the first device has got alone is no part of what came after it.
        self.forget({*range(len(self._history.media))})
        self.prune("0")
        assert self._moved_bytes > 200 * KIB, "no content was moved"
        self.bring_back(0)
        self.write("b", 200 * KIB, which + 1)
        self.write("c", 200 * KIB, which + 4)
        self.die_and_go_on({0})
        self.lose_catalog()

    # Backups

    @precondition(lambda self: len(self._kept) < VERSIONS_MAX)
    @rule(full=st.booleans())
    def backup(self, full: bool) -> None:
        report = self._history.backup(full=full)
        assert report.bytes_read == report.bytes_new + report.bytes_deduplicated
        (version,) = self._new()
        assert (id_text(version.object_id), version.number) == (report.object_id, report.version)
        self._keep(version, state_of(self.tree))

    @rule(which=WHICH, seed=st.integers(0, 3))
    def change_between(self, which: int, seed: int) -> None:
        """Two backups, and between them a file gets other content of its old size and time."""
        place = self.file(which)
        if place is not None:
            self.backup(full=False)
            status = place.stat()
            place.write_bytes(bytes([seed]) * status.st_size)
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
            self.backup(full=False)

    @precondition(lambda self: len(self._history.media) > 1)
    @rule(which=WHICH)
    def backup_alone(self, which: int) -> None:
        """What the first device alone has got is not known where the others are to have it."""
        self.change(which, 0.5, keeps_time=False)
        media = self._history.media
        self._history.media = media[:1]
        self._history.backup()
        self._history.media = media
        (version,) = self._new()
        self._keep(version, state_of(self.tree), is_everywhere=False)
        self._judge(version.object_id)
        self.backup(full=False)
        self._judge(max(self._kept, key=lambda key: self._kept[key].number))

    @precondition(lambda self: self._gone and len(self._kept) < VERSIONS_MAX)
    @rule(which=WHICH)
    def bring_back(self, which: int) -> None:
        """Files of a version that was forgotten: their content may be there still, or not."""
        gone = self._gone[which % len(self._gone)]
        for name, (kind, _, content) in gone.items():
            if kind == "file":
                self.free(name).write_bytes(content)
        self.backup(full=False)

    @precondition(lambda self: 1 < len(self._kept) < VERSIONS_MAX)
    @rule(which=SOME_OLD)
    def die_and_go_on(self, which: set[int]) -> None:
        """What is safe of an object that did not become a version is neither freed nor sent."""
        self.die_in_backup(0, late=True)
        safe = self._history.named()
        self.forget(which)
        self.prune("0")
        report = self._history.backup()
        assert report.bytes_new <= report.bytes_source - sum(safe.values())
        (version,) = self._new()
        self._keep(version, state_of(self.tree))

    @precondition(lambda self: len(self._kept) < VERSIONS_MAX)
    @rule(nth=STEPS, late=st.booleans())
    def die_in_backup(self, nth: int, late: bool) -> None:
        state = state_of(self.tree)
        killed = self._killed(nth, late, "backup")
        found = self._new()
        assert len(found) == 1 or (killed and not found)
        for version in found:
            self._keep(version, state)
        self._died += [state] if killed else []

    # What takes away

    @precondition(lambda self: self._kept)
    @rule(last=st.integers(1, 3))
    def forget_by_policy(self, last: int) -> None:
        policy = RetentionPolicy(last=last)
        request = api.ForgetRequest(self._history.catalog, policy)
        foreseen = api.forget((), api.ForgetRequest(request.catalog, policy, dry_run=True), QUIET)
        found = api.forget((), request, QUIET)
        assert found.decisions == foreseen.decisions
        assert {d.version.object_id for d in found.decisions} == {*self._kept}
        newest = sorted(self._kept, key=lambda key: self._kept[key].number)[-last:]
        self._forget([d.version.object_id for d in found.decisions if not d.keeps])
        assert self._kept.keys() == {*newest}

    @precondition(lambda self: len(self._kept) > 1)
    @rule(which=SOME_OLD)
    def forget(self, which: set[int]) -> None:
        names = self._old(which)
        self._history.forget([id_text(name) for name in names])
        self._forget(names)

    @precondition(lambda self: len(self._kept) > 1)
    @rule(which=SOME_OLD,
          nth=st.integers(1, 12), late=st.booleans())  # fmt: skip
    def die_in_forget(self, which: set[int], nth: int, late: bool) -> None:
        """All of them or none."""
        names = self._old(which)
        killed = self._killed(nth, late, "forget", [id_text(name) for name in names])
        left = {version.object_id for version in self._history.versions()}
        if not killed or not left.intersection(names):
            self._forget(names)

    @precondition(lambda self: self._kept)
    @rule(share=SHARES)
    def prune(self, share: str) -> None:
        safe = self._history.named()
        foreseen = self._history.prune(share, dry_run=True)
        report = self._history.prune(share)
        # What killed sessions have left takes room that only the run gives back.
        is_short = any(kept.reason == "room" for freed in report.freed for kept in freed.kept)
        assert is_short or report.freed == foreseen.freed
        self._moved_bytes += sum(freed.moved_bytes for freed in report.freed)
        if not is_short:
            self._untold.clear()
        self._check_all()
        assert self._history.named() >= safe

    @precondition(lambda self: self._kept)
    @rule(nth=STEPS, late=st.booleans(), share=SHARES)
    def die_in_prune(self, nth: int, late: bool, share: str) -> None:
        safe = self._history.named()
        self._killed(nth, late, "prune", share)
        self._check_all()
        assert self._history.named() >= safe

    @precondition(lambda self: len(self._kept) > 1)
    @rule(which=SOME_OLD, share=SHARES)
    def forget_and_prune(self, which: set[int], share: str) -> None:
        self.forget(which)
        self.prune(share)
        self.lose_catalog()

    @precondition(lambda self: len(self._kept) > 1)
    @rule(which=SOME_OLD, nth=STEPS, late=st.booleans())
    def forget_and_die_in_prune(self, which: set[int], nth: int, late: bool) -> None:
        """And then nobody knows any more but the media."""
        self.forget(which)
        self.die_in_prune(nth, late, "0")
        self.lose_catalog()
        self._check_all()

    # Looking back

    @precondition(lambda self: self._kept)
    @rule(which=WHICH)
    def restore(self, which: int) -> None:
        names = [*self._kept]
        self._check(names[which % len(names)])

    @precondition(lambda self: self._kept)
    @rule()
    def lose_catalog(self) -> None:
        before = {key: kept.number for key, kept in self._kept.items()}
        self._history.rebuild()
        self._take_rebuilt(before)

    @precondition(lambda self: self._kept)
    @rule(nth=st.integers(1, 200), late=st.booleans())
    def die_in_rebuild(self, nth: int, late: bool) -> None:
        """What it leaves need not be whole: the next one makes it so."""
        self._killed(nth, late, "rebuild")
        self.lose_catalog()

    @precondition(lambda self: self._kept)
    @rule(which=WHICH)
    def judge(self, which: int) -> None:
        """A reader that shares no code finds all of them, no damage, and one on each device that
        is said to have it."""
        found = check_here(self._history.media)
        assert (found.exit_code, found.problems) == (0, ()), found
        listed = {line.object_id for line in listed_here(self._history.media)}
        assert {id_text(key) for key in self._kept} <= listed
        names = [*self._kept]
        self._judge(names[which % len(names)])

    @invariant()
    def the_catalog_has_what_is_kept(self) -> None:
        found = {version.object_id: version.number for version in self._history.versions()}
        assert found == {key: kept.number for key, kept in self._kept.items()}

    @invariant()
    def media_tell_how_sessions_ended(self) -> None:
        found = self._history.ended()
        assert found.items() >= self._ended.items()
        self._ended = found

    # Parts of the above

    def _killed(self, nth: int, late: bool, *work: object) -> bool:
        setup = {"folder": str(self._folder), **self._setup}
        return self._mortals.killed(setup, work, nth, late=late)

    def _new(self) -> list[VersionRow]:
        """The versions that the model does not have."""
        return [v for v in self._history.versions() if v.object_id not in self._kept]

    def _judge(self, name: bytes) -> None:
        """On each device by itself that has it, as the model or the catalog says."""
        told = self._history.complete_on(id_text(name))
        for medium in self._history.media:
            if self._kept[name].is_everywhere or medium in told:
                target = self._folder / "judged"
                shutil.rmtree(target, ignore_errors=True)
                found = recovered_here([medium], target, id_text(name))
                assert (found.exit_code, found.problems) == (0, ()), found
                assert state_of(target) == self._kept[name].state

    def _keep(self, version: VersionRow, state: State, *, is_everywhere: bool = True) -> None:
        numbers = [kept.number for kept in self._kept.values()]
        assert version.number > max(numbers, default=0)
        self._kept[version.object_id] = Kept(version.number, state, is_everywhere)
        self._check(version.object_id)
        self.media_tell_how_sessions_ended()

    def _old(self, which: set[int]) -> list[bytes]:
        """Some versions that are not the newest."""
        old = sorted(self._kept, key=lambda key: self._kept[key].number)[:-1]
        return sorted({old[place % len(old)] for place in which})

    def _forget(self, names: list[bytes]) -> None:
        for name in names:
            self._untold[name] = self._kept.pop(name)
            self._gone.append(self._untold[name].state)

    def _take_rebuilt(self, before: dict[bytes, int]) -> None:
        found = {version.object_id: version.number for version in self._history.versions()}
        assert found.keys() >= before.keys()
        new = found.keys() - before.keys()
        assert new or found == before
        for key in new:
            state = self._restored(key)
            if key in self._untold:
                assert state == self._untold.pop(key).state
            else:
                assert state in self._died
            self._kept[key] = Kept(0, state, is_everywhere=False)
        for key, kept in self._kept.items():
            self._kept[key] = kept._replace(number=found[key])

    def _check_all(self) -> None:
        for key in self._kept:
            self._check(key)

    def _check(self, key: bytes) -> None:
        assert self._restored(key) == self._kept[key].state

    def _restored(self, key: bytes) -> State:
        return state_of(self._history.restored(id_text(key)))


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    with Mortals() as server:
        yield server


def run(setup: Setup, mortals: Mortals, examples: int, steps: int) -> None:
    machine = partial(Histories, setup, mortals)
    chosen = settings(max_examples=examples, stateful_step_count=steps, derandomize=not SEED)
    run_state_machine_as_test(seed(SEED)(machine) if SEED else machine, settings=chosen)


@pytest.mark.parametrize("setup", SOME, ids=str)
def test_some_histories(setup: Setup, mortals: Mortals) -> None:
    run(setup, mortals, examples=2, steps=12)


@pytest.mark.slow
@pytest.mark.parametrize("setup", SOME, ids=str)
def test_many_histories(setup: Setup, mortals: Mortals) -> None:
    """The same each time: what is found is found again."""
    run(setup, mortals, examples=7, steps=25)
