"""Graphs that a cluster runs as jobs: our exit code and report, whoever submits them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.model.ids import id_text, new_id
from flowbackup.model.report import Outcome
from tests.runtime.job_server import Served
from tests.runtime.job_site import BIN, MIRROR, WAIT_SECONDS, Site
from tests.runtime.unended import Unended

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def job_server() -> Iterator[Served]:
    from tests.runtime import job_server as server

    with server.job_server() as served:
        yield served


@pytest.fixture
def site(job_server: Served, tmp_path: Path) -> Site:
    return Site(tmp_path, job_server)


def test_a_submitted_graph_ends_as_its_session_does(site: Site) -> None:
    for mirror, outcome, exit_code in (("", Outcome.SUCCESS, 0), (MIRROR, Outcome.INCOMPLETE, 4)):
        source = Unended(site.place) if mirror else None
        before = source.written if source else ""
        graph = site.graph(before=before, mirror=mirror)
        waiting = site.submitted(graph, "--wait", "--json")
        if source:
            with source.ending():
                site.detach("usb")
        out, err = waiting.communicate(timeout=WAIT_SECONDS)
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines[-1]["type"] == "summary", (lines, err)
        row = site.session()
        assert row.outcome is outcome, (lines, err)
        assert waiting.returncode == row.exit_code == lines[-1]["exit_code"] == exit_code
        assert lines[-1]["session"] == id_text(row.session)
        assert lines[0]["text"] == f"session {id_text(row.session)} is submitted"
        assert row.engine.startswith("ray") and err == ""


def test_one_that_is_never_begun_says_why(site: Site) -> None:
    graph = site.graph(f", gone: {{path: {site.place}/gone}}")
    waiting = site.submitted(graph, "--wait")
    out, err = waiting.communicate(timeout=WAIT_SECONDS)
    assert waiting.returncode == 1, (out, err)
    assert "gone" in err


def test_a_signal_here_drains_the_session_there(site: Site) -> None:
    """And while it runs, Prometheus hears of it through Ray."""
    source = Unended(site.place)
    graph = site.graph(before=source.written)
    graph.write_text(graph.read_text().replace("graph: nightly", "graph: slow"))
    waiting = site.submitted(graph, "--wait")
    with source.ending():
        latest = time.monotonic() + WAIT_SECONDS
        # Numbers of sessions that are over stay for a while.
        mine = ("edge_moved_bytes", 'graph="slow"')
        while not any(all(part in line for part in mine) for line in site.served.numbers()):
            assert time.monotonic() < latest and waiting.poll() is None, waiting.communicate()
            time.sleep(0.2)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=WAIT_SECONDS)
    assert waiting.returncode == 130, (out, err)
    row = site.session()
    assert (row.exit_code, row.finished_ns is not None) == (130, True)
    assert id_text(row.session)[:8] in out, "the report came, too"


def test_plain_ray_job_submit_names_the_session_as_the_job(site: Site) -> None:
    job = id_text(new_id())
    done = subprocess.run(
        [BIN / "ray", "job", "submit", "--address", site.served.address, "--submission-id", job,
         "--", BIN / "flowbackup", "run", site.graph(), "--catalog", site.catalog],
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    row = site.session()
    assert (done.returncode, id_text(row.session), row.exit_code) == (0, job, 0), done.stdout
    assert row.engine == "ray (auto)"
