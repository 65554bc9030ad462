"""The examples of graphs/ that copy do run, with their paths below a folder of the test."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.units import MIB
from tests import judge
from tests.runtime.copying import Copying

pytestmark = [pytest.mark.ray, pytest.mark.slow]

GRAPHS = Path(__file__).parents[2] / "graphs"
FRAME_SIZE = "frame_size: 1 MiB\nsync_size: 4 MiB\n"


@pytest.fixture
def copying(tmp_path: Path, live_ray: str) -> Copying:
    for name in ("srv/www", "var/mail"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "content").write_bytes(os.urandom(3 * MIB))
    (tmp_path / "mnt").mkdir()
    return Copying(tmp_path)


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
