"""The examples of graphs/ do run, with their paths below a folder of the test."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RestoreRequest
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.units import MIB
from tests import judge
from tests.runtime.copying import Copying, Once

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ENGINES = ("ray", "local")

GRAPHS = Path(__file__).parents[2] / "graphs"
FRAME_SIZE = "frame_size: 1 MiB\nsync_size: 4 MiB\n"


@pytest.fixture
def copying(tmp_path: Path, engine: str) -> Copying:
    for name in ("srv/www", "var/mail"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "content").write_bytes(os.urandom(3 * MIB))
    (tmp_path / "mnt").mkdir()
    return Copying(tmp_path, engine)


def run(copying: Copying, text: str) -> SessionReport:
    """A graph whose absolute paths are below the folder."""
    file = copying.folder / "graph.yaml"
    redirected = re.sub(r"path: /", f"path: {copying.folder}/", text)
    file.write_text(redirected + FRAME_SIZE)
    return copying.run(api.load_plan(file))


def test_copy_after_session(copying: Copying) -> None:
    report = run(copying, (GRAPHS / "copy-after-session.yaml").read_text())
    (stage,) = report.stages
    assert (report.outcome, stage.outcome, stage.problems) == (*[Outcome.SUCCESS] * 2, ())
    with open_catalog(copying.catalog) as catalog:
        copies = {str(v): catalog.copies_durable(v) for v in catalog.versions()}
    assert copies == {"web/site@1": 3, "web/mail@1": 4}
    assert judge.check_media([copying.place("mnt/vault1")]).problems == ()


def test_restore_and_copy(copying: Copying) -> None:
    """Two striped devices of another graph are its source."""
    devices = {name: f"{{path: {copying.place(f'mnt/{name}')}}}" for name in ("nas1", "nas2")}
    listed = ", ".join(f"{name}: {place}" for name, place in devices.items())
    striped = copying.folder / "striped.yaml"
    striped.write_text(
        f"graph: striped\n{FRAME_SIZE}"
        f"clients: {{web: {{objects: {{site: {{path: {copying.place('srv/www')}}}}}}}}}\n"
        f"devices: {{{listed}}}\nbackup_groups: {{primary: {{devices: [nas1, nas2]}}}}\n"
    )
    copying.run(api.load_plan(striped))
    text = (GRAPHS / "restore-and-copy.yaml").read_text()
    report = run(copying, text)
    assert (report.kind, report.outcome, report.problems) == ("copy", Outcome.SUCCESS, ())
    with open_catalog(copying.catalog) as catalog:
        assert catalog.copies_durable(catalog.resolve("latest")) == 3
    for name in ("vault", "vault-mirror"):
        assert judge.check_media([copying.place(f"mnt/{name}")]).problems == ()
    again = run(copying, text)
    assert (again.objects, again.bytes_read) == ((), 0)


def test_staging(copying: Copying) -> None:
    """Restored before the drain, when both have it, and when the fast device was freed."""
    text = (GRAPHS / "staging.yaml").read_text()
    fast, slow = copying.place("mnt/nvme"), copying.place("mnt/vault/medium-00001")

    def restored() -> bool:
        target = copying.folder / "back"
        shutil.rmtree(target, ignore_errors=True)
        request = RestoreRequest(catalog=copying.catalog)
        report = api.restore("site", str(target), request, SilentMonitor())
        content = (target / "content").read_bytes()
        assert content == (copying.folder / "srv/www/content").read_bytes()
        return report.outcome is Outcome.SUCCESS and not report.problems

    report = run(copying, text)
    assert (report.outcome, report.stages) == (Outcome.SUCCESS, ()) and restored()
    plan = api.load_plan(copying.folder / "graph.yaml")
    copy = copying.copy(plan)
    assert (copy.kind, copy.outcome, copy.stages) == ("copy", Outcome.SUCCESS, ())
    foreseen = api.foresee_room(plan, copying.settings())
    assert foreseen is not None and foreseen.freed[0].kept[0].reason == "young"
    assert restored() and copying.frames("mnt/nvme")
    # What was drained a week ago, by the copy that runs now or by the next backup.
    old = api.load_plan(_without_keep(copying))
    copy = copying.copy(old)
    (room,) = copy.stages
    assert (room.kind, room.outcome, room.problems) == ("free", Outcome.SUCCESS, ())
    assert room.freed[0].size_bytes > 3 * MIB and not room.freed[0].kept
    assert copying.frames("mnt/nvme") == []
    again = copying.run(old)
    assert (again.outcome, again.stages) == (Outcome.SUCCESS, ())
    assert copying.frames("mnt/nvme") != []
    assert judge.check_media([fast, slow]).problems == ()
    fast.rename(fast.with_suffix(".away"))
    with open_catalog(copying.catalog) as catalog:
        (first, second) = catalog.versions()
        assert [catalog.copies_durable(v) for v in (first, second)] == [1, 1]
    request = RestoreRequest(catalog=copying.catalog)
    target = copying.folder / "first"
    report = api.restore("site@1", str(target), request, SilentMonitor())
    assert report.outcome is Outcome.SUCCESS
    assert judge.recovered([slow], copying.folder / "recovered").exit_code == 0
    source = (copying.folder / "srv/www/content").read_bytes()
    for place in ("first", "recovered"):
        assert (copying.folder / place / "content").read_bytes() == source


def test_a_drain_that_is_killed_and_gone_on_with(copying: Copying) -> None:
    """In between the slow device has a part: nothing is freed, and everything is restorable."""
    text = (GRAPHS / "staging.yaml").read_text()
    run(copying, text)
    plan = api.load_plan(_without_keep(copying))
    session: list[BaseException] = []

    class Killed(BaseException):
        pass

    def die() -> None:
        session.append(Killed())
        raise session[0]

    with pytest.raises(Killed):
        copying.copy(plan, monitor=Once("copy", die))
    assert session and copying.frames("mnt/nvme")
    target = copying.folder / "back"
    request = RestoreRequest(catalog=copying.catalog)
    assert api.restore("site", str(target), request, SilentMonitor()).outcome is Outcome.SUCCESS
    copy = copying.copy(plan)
    assert copy.outcome is Outcome.SUCCESS
    (room,) = copy.stages
    assert room.freed[0].segments and copying.frames("mnt/nvme") == []


def _without_keep(copying: Copying) -> Path:
    graph = copying.folder / "graph.yaml"
    text = graph.read_text()
    assert ", keep: 7 d" in text
    file = copying.folder / "old.yaml"
    file.write_text(text.replace(", keep: 7 d", ""))
    return file


COPIES = {
    "single": [1], "mirror": [2, 2], "partial-coupling": [2, 1], "striped-group": [1],
    "joined-mirror": [2], "fan-out": [2, 2],
}  # fmt: skip
"""Example -> durable copies of each of its objects."""


@pytest.mark.parametrize("name", COPIES)
def test_backups(copying: Copying, name: str) -> None:
    file = copying.folder / "graph.yaml"
    text = (GRAPHS / f"{name}.yaml").read_text()
    sizes = r"^(frame|sync)_size:.*\n"
    file.write_text(
        re.sub(sizes, "", re.sub(r"path: /", f"path: {copying.folder}/", text), flags=re.MULTILINE)
        + FRAME_SIZE
    )
    plan = api.load_plan(file)
    for item in plan.objects:
        Path(item.path).mkdir(parents=True, exist_ok=True)
        (Path(item.path) / "content").write_bytes(os.urandom(3 * MIB))
    report = copying.run(plan)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert [item.copies_durable for item in report.objects] == COPIES[name]
    places = [Path(agent.device.location) for agent in plan.agents]
    assert judge.check_media(places).problems == ()
