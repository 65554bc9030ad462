"""A prune that is killed between any two of its steps: what is kept is there, by the judgement of
`recover.py`, and the next prune ends what was begun."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from tests.retention.full_set import full_set
from tests.retention.keeping import Keeping, Tree
from tests.retention.killing import Killed, Killing

SLACK_BYTES = 100_000
"""Records of both prunes, and frames that lie in two segments instead of one."""
SOME = 11
"""In quick tests one of so many places."""


class Scene:
    """Kept versions and some that are forgotten, on devices of which the first one is disturbed."""

    def __init__(self, folder: Path) -> None:
        self.kept: list[tuple[VersionRow, Tree]] = []
        self.keeping = self._made(folder / "work")
        self._saved = folder / "saved"
        shutil.copytree(folder / "work", self._saved)
        self.report = self.keeping.prune()
        self.used_bytes = self.keeping.used_bytes()
        self.again()

    def _made(self, place: Path) -> Keeping:
        """Two kept versions and two that are forgotten, one of them in a segment without a seal."""
        keeping = Keeping(place, "disk", "usb")
        keeping.write("stays", 90_000)
        keeping.write("a", 150_000)
        first = keeping.backup()
        keeping.write("a", 150_000)
        self._keep(keeping)
        keeping.write("b", 400_000)
        keeping.write("c", 10_000)
        third = keeping.backup(fails_at={"disk": 5})
        keeping.remove("b")
        self._keep(keeping)
        keeping.forget(first, third)
        return keeping

    def _keep(self, keeping: Keeping) -> None:
        self.kept.append((keeping.backup(), dict(keeping.tree)))

    def again(self) -> None:
        """Everything as it was before any prune."""
        shutil.rmtree(self.keeping.folder)
        shutil.copytree(self._saved, self.keeping.folder)

    def killed(self, calls: Killing) -> bool:
        """Whether the prune was ended; then its locks go with it."""
        with calls.in_catalog():
            try:
                self.keeping.prune({"disk": calls})
            except Killed:
                self.keeping.let_go()
                return True
        return False

    def check(self, *, rebuilds: bool = False) -> None:
        keeping = self.keeping
        wanted = {id_text(version.object_id) for version, _ in self.kept}
        assert wanted <= keeping.judged()
        for version, tree in self.kept:
            keeping.recovers(version, tree, "disk")
        if rebuilds:
            self._check_rebuilt(wanted)
        report = keeping.prune()
        assert (report.outcome, report.problems) == (Outcome.SUCCESS, ()), report
        assert keeping.judged() == wanted
        for version, tree in self.kept:
            keeping.recovers(version, tree, "disk")
        self._check_catalog()
        assert not any(freed.segments for freed in keeping.prune().freed)
        assert keeping.used_bytes() < self.used_bytes + SLACK_BYTES

    def _check_rebuilt(self, wanted: set[str]) -> None:
        """From media alone: nothing that is kept is lost, and nothing is told in parts."""
        keeping = self.keeping
        places = [str(keeping.place(name)) for name in keeping.devices]
        path = keeping.folder / "rebuilt.sqlite"
        report = api.rebuild(places, SilentMonitor(), path, fresh=True)
        assert report.outcome is Outcome.SUCCESS, report.problems
        path.unlink()

    def _check_catalog(self) -> None:
        """Every place that the catalog names for a kept version has the frame."""
        devices = self.keeping.devices
        found = [(reader, name) for name in devices for reader in self.keeping.readers(name)]
        readers = {reader.info().medium: reader for reader, _ in found}
        device_of = {reader.info().medium: name for reader, name in found}
        with self.keeping.local.catalog() as catalog:
            for version, _ in self.kept:
                for row in catalog.frames_of(version):
                    copies = catalog.copies_of_frame(row.frame)
                    assert {device_of[c.place.medium] for c in copies} == {*devices}
                    for copy in copies:
                        readers[copy.place.medium].read(row.header, copy.place)


class SetScene(Scene):
    """What is needed goes from one medium of a set to another."""

    def _made(self, place: Path) -> Keeping:
        keeping, self.kept = full_set(place)
        return keeping


@pytest.fixture(params=[Scene, SetScene])
def scene(memory_path: Path, request: pytest.FixtureRequest) -> Scene:
    made: Scene = request.param(memory_path)
    return made


def test_an_undisturbed_one_ends_well(scene: Scene) -> None:
    before = scene.keeping.used_bytes()
    assert not scene.killed(Killing())
    assert scene.keeping.used_bytes() < before - 300_000
    scene.check(rebuilds=True)
    if isinstance(scene, SetScene):
        first, second = scene.report.freed
        assert first.moved_to[0].medium == second.medium and first.moved_to[0].number == 2


def check_places(scene: Scene, first: int, each: int) -> None:
    count = Killing()
    assert not scene.killed(count)
    assert count.steps > 60
    for late in (False, True):
        for nth in range(first, count.steps + 1, each):
            scene.again()
            try:
                assert scene.killed(Killing(nth, late=late))
                scene.check(rebuilds=nth % 4 == 0)
            except BaseException as error:
                error.add_note(f"killed {'behind' if late else 'instead of'} step {nth}")
                raise


def test_it_may_be_killed_at_some_steps(scene: Scene) -> None:
    check_places(scene, 3, SOME)


@pytest.mark.slow
def test_it_may_be_killed_at_every_step(scene: Scene) -> None:
    check_places(scene, 1, 1)


def check_errors(scene: Scene, first: int, each: int) -> None:
    """A device that fails, once or for ever: nothing that is kept is lost, and it is told."""
    count = FaultySystemCalls()
    scene.keeping.prune({"disk": count})
    assert len(count.made) > 40
    for number in (errno.ENOSPC, errno.EIO):
        for for_ever in (False, True):
            for nth in range(first, len(count.made) + 1, each):
                scene.again()
                calls = FaultySystemCalls(Fault(nth, number, for_ever=for_ever))
                try:
                    report = scene.keeping.prune({"disk": calls})
                    told = report.problems or any(freed.kept for freed in report.freed)
                    assert told or report.outcome is Outcome.SUCCESS
                    assert not for_ever or told or calls.made[nth - 1 :] == ["close"]
                    scene.check(rebuilds=nth % 4 == 0)
                except BaseException as error:
                    error.add_note(f"{number} at {nth} of {count.made}, for ever: {for_ever}")
                    raise


def test_its_device_may_fail_at_some_calls(scene: Scene) -> None:
    check_errors(scene, 2, SOME)


@pytest.mark.slow
def test_its_device_may_fail_at_every_call(scene: Scene) -> None:
    check_errors(scene, 1, 1)
