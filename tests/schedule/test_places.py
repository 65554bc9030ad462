"""Installed as often as one likes, removed with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import FlowbackupError, UsageError
from flowbackup.schedule import kuberay
from flowbackup.schedule.calendar import parse_calendar
from flowbackup.schedule.places import CronPlace, KuberayPlace, SystemdPlace
from tests.schedule.programs import CRONTAB, Programs
from tests.schedule.test_units import TASK

LATER = replace(TASK, calendar=parse_calendar("04:00"))
OTHER_FILE = replace(TASK, file="/srv/other.yaml")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "programs", monkeypatch)


def test_units_come_change_and_go(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("systemctl")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    place, folder = SystemdPlace(is_user=True), tmp_path / "config" / "systemd" / "user"
    names = ["flowbackup-nightly.service", "flowbackup-nightly.timer"]
    assert place.install(TASK) == [str(folder / name) for name in names]
    first = {path.name: path.read_text() for path in folder.iterdir()}
    place.install(TASK)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    place.install(LATER)
    assert "OnCalendar=*-*-* 4:0:00" in (folder / names[1]).read_text()
    told = ["daemon-reload", "enable flowbackup-nightly.timer", "restart flowbackup-nightly.timer"]
    assert programs.calls == [f"systemctl --user {words}" for words in told] * 3
    assert len(place.remove("nightly")) == 2 and list(folder.iterdir()) == []
    assert programs.calls[9:] == [
        "systemctl --user disable --now flowbackup-nightly.timer", "systemctl --user daemon-reload",
    ]  # fmt: skip
    assert place.remove("nightly") == [] and len(programs.calls) == 11


@pytest.mark.parametrize("kind", [SystemdPlace, CronPlace])
def test_what_others_made_stays(kind: type, tmp_path: Path) -> None:
    place = kind(is_user=False, directory=tmp_path)
    installed = [Path(name) for name in place.install(TASK)]
    with pytest.raises(UsageError, match=r"was not made for /srv/other\.yaml"):
        place.install(OTHER_FILE)
    installed[0].write_text("of somebody else\n")
    with pytest.raises(UsageError, match="was not made for"):
        place.install(TASK)
    place.remove("nightly")
    assert [path.name for path in tmp_path.iterdir()] == [installed[0].name]
    assert installed[0].read_text() == "of somebody else\n"


def test_a_table_of_cron_keeps_the_lines_of_its_user(programs: Programs) -> None:
    programs.add("crontab", CRONTAB)
    place = CronPlace(is_user=True)
    assert place.remove("nightly") == []
    place.install(TASK)
    place.install(replace(TASK, graph="nightly2", file="/etc/second.yaml"))
    mine = "MAILTO=me\n5 4 * * * /bin/mine # without a newline at its end"
    (programs.place / "table").write_text(programs.given("table") + mine)
    place.install(LATER)
    table = programs.given("table")
    assert table.count("\n0 4 * * * ") == 1 and table.count("\n30 2 * * ") == 1
    assert table.count("for graph nightly\n") == 1
    assert place.remove("nightly") and place.remove("nightly2")
    assert programs.given("table") == mine + "\n"


def test_a_crontab_that_cannot_be_read_is_not_written(programs: Programs) -> None:
    programs.add("crontab", "#!/bin/sh\necho not allowed >&2\nexit 1\n")
    with pytest.raises(FlowbackupError, match="not allowed"):
        CronPlace(is_user=True).install(TASK)


def test_kubectl_is_given_the_manifest_and_removes_by_our_labels(programs: Programs) -> None:
    programs.add("kubectl")
    place = KuberayPlace(kuberay.Place("store", "backup"))
    place.install(TASK)
    assert programs.given("given") == kuberay.manifest(TASK, place.place)
    place.remove("nightly")
    assert programs.calls[1] == (
        "kubectl delete raycronjobs.ray.io --namespace backup --selector "
        "app.kubernetes.io/managed-by=flowbackup,flowbackup.io/graph=nightly --output name"
    )


def test_a_program_that_is_missing_or_fails_is_named(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(programs.place))
    with pytest.raises(FlowbackupError, match="systemctl is not on this machine"):
        SystemdPlace(is_user=True).install(TASK)
    programs.add("systemctl", "#!/bin/sh\necho no bus >&2\nexit 1\n")
    with pytest.raises(FlowbackupError, match="no bus"):
        SystemdPlace(is_user=True).install(TASK)
