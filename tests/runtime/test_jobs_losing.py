"""A node that is lost while a job runs, with a device on it: what the job says, and how its copy is
completed, by the commands that cluster/README.md names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.testing.compare import differences
from tests import judge
from tests.runtime.job_server import Served
from tests.runtime.job_site import MIRROR, WAIT_SECONDS, Site
from tests.runtime.unended import Unended

pytestmark = [pytest.mark.ray, pytest.mark.slow]
VAULT = "vault"


@pytest.fixture(scope="module")
def job_server() -> Iterator[Served]:
    from tests.runtime import job_server as server

    with server.job_server() as served:
        served.add(VAULT)
        yield served


def test_a_device_that_goes_with_its_node_is_told_and_its_copy_is_completed_later(
    job_server: Served, tmp_path: Path
) -> None:
    """While an object is read that ends behind that, and before the source is read."""
    site, source = Site(tmp_path, job_server), Unended(tmp_path)
    auto = ("--address", "auto")
    graph = site.graph(before=source.written, mirror=MIRROR, usb_node=VAULT)
    waiting = site.submitted(graph, "--wait", "--json")
    with source.ending():
        site.wait_running()
        asked = site.job("status", "--json")
        told = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
        edges = [len(each["edges"]) for each in told if each["type"] == "status"]
        assert edges == [2], (asked, site.session())
        site.wait_durable("usb")
        job_server.lose(VAULT)
    out, err = waiting.communicate(timeout=WAIT_SECONDS)
    report = json.loads(out.splitlines()[-1])
    assert (waiting.returncode, report["exit_code"], report["outcome"]) == (4, 4, "incomplete"), out
    assert {d["name"]: d["state"] for d in report["devices"]} == {
        "nas": "complete",
        "usb": "failed",
    }
    assert {problem["device"] for problem in report["problems"]} == {"usb"}, err
    assert site.copies() == 1

    job_server.add(VAULT)
    # Written where it is: it was not brought to the machine of the command.
    repaired = site.command("repair", "usb", *auto)[-1]
    (mirror,) = repaired["devices"]
    found = repaired["exit_code"], mirror["name"], mirror["state"], mirror["node"]
    assert found == (0, "usb", "complete", VAULT), repaired
    assert 0 < mirror["frames"] < report["devices"][0]["frames"], "only what it lacks"
    assert site.copies() == 2

    (tmp_path / "nas").rename(tmp_path / "away")
    usb = tmp_path / "usb"
    (version,) = [v for v in judge.listed([usb]) if "/site@" in v.name]
    for target, given in (
        ("restored", lambda place: site.command("restore", "site", "--target", place, *auto)),
        ("judged", lambda place: judge.recovered([usb], place, version.object_id)),
    ):
        given(tmp_path / target)
        assert list(differences(str(tmp_path / "source"), str(tmp_path / target))) == []
