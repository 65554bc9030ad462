"""The commands that run: what they ask of the api, and the summary that they end with."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import UsageError
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.source_rules import SourceRules
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import (
    AgentPlan,
    EdgePlan,
    NodePlan,
    ObjectPlan,
    Plan,
    Transport,
)
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

PLAN = Plan(
    graph="nightly",
    path="",
    frame_bytes=8 << 20,
    sync_bytes=32 << 20,
    sync_seconds=0.5,
    copies=0,
    nodes=(NodePlan("here"),),
    agents=(
        AgentPlan(
            "primary.nas",
            "primary",
            "backup",
            0,
            "here",
            DeviceTarget("nas", "directory", "/mnt/nas"),
            8,
            "here",
        ),
    ),
    edges=(EdgePlan("web -> nas", "web", "primary.nas", Transport.SHARED_MEMORY, 0, 8),),
    slabs=(),
    objects=(ObjectPlan("web", "site", "here", "/srv/www", "primary", ("primary.nas",)),),
    memory_bytes=(("here", 65 << 20),),
    bottleneck="the device nas sets the pace",
    graph_text="graph: nightly\n",
)
SUMMARY_KEYS = {
    "type", "outcome", "exit_code", "session", "engine", "duration_seconds", "start_seconds",
    "files", "bytes_source", "bytes_read", "bytes_new", "objects", "devices", "problems",
}  # fmt: skip
PROBLEM = Problem("unreadable", "EACCES", path=b"etc/shadow")


def test_backup_makes_a_plan_and_runs_it(
    flowbackup: RunCommand, fake_api: FakeApi, tmp_path: Path
) -> None:
    planned = fake_api("quick_plan", PLAN)
    ran_backup = fake_api("run_backup", samples.report())
    graph = tmp_path / "nightly.yaml"
    ran = flowbackup(
        "backup", "/srv", "/etc", "--to", "/a", "--mirror", "/b", "--mirror", "/c", "--name", "n",
        "--frame-size", "4MiB", "--compression", "zstd:9", "--init", "--save-graph", str(graph),
    )  # fmt: skip
    assert ran.exit_code == 0
    planned.assert_called_once_with(
        ("/srv", "/etc"),
        "/a",
        ("/b", "/c"),
        name="n",
        frame_size=4 << 20,
        rules=SourceRules(),
        stdin="",
        compression={"zstd": 9},
        key="",
    )
    settings = ran_backup.call_args.args[1]
    assert settings == api.RunSettings(
        catalog=None, address="", create=True, init=True, wait_seconds_max=5
    )
    assert graph.read_text() == PLAN.graph_text
    assert ran.out.startswith("success: graph nightly, session ")


def test_backup_of_standard_input(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    planned = fake_api("quick_plan", PLAN)
    fake_api("run_backup", samples.report())
    assert flowbackup("backup", "--stdin", "dump.sql", "--to", "/a").exit_code == 0
    planned.assert_called_once_with(
        (),
        "/a",
        (),
        name="",
        frame_size=None,
        rules=SourceRules(),
        stdin="dump.sql",
        compression=None,
        key="",
    )
    ran = flowbackup("backup", "--to", "/a")
    assert ran.exit_code == UsageError.exit_code and "nothing is to be backed up" in ran.err


def test_a_graph_is_never_saved_over_another(
    flowbackup: RunCommand, fake_api: FakeApi, tmp_path: Path
) -> None:
    fake_api("quick_plan", PLAN)
    ran_backup = fake_api("run_backup", samples.report())
    graph = tmp_path / "mine.yaml"
    graph.write_text("mine")
    ran = flowbackup("backup", "/srv", "--to", "/a", "--save-graph", str(graph))
    assert ran.exit_code == UsageError.exit_code
    assert graph.read_text() == "mine"
    ran_backup.assert_not_called()


@pytest.mark.parametrize(
    ("command", "function"),
    [
        (("backup", "/srv", "--to", "/a"), "run_backup"), (("run", "g.yaml"), "run_backup"),
        (("copy", "g.yaml"), "run_copy"), (("repair",), "repair"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("options", "environment", "seconds"),
    [
        ((), {}, 5), (("--retry-lock", "1h30m"), {}, 5400),
        ((), {"FLOWBACKUP_RETRY_LOCK": "5m"}, 300),
        (("--retry-lock", "0"), {"FLOWBACKUP_RETRY_LOCK": "5m"}, 0),
    ],
)  # fmt: skip
def test_every_command_that_takes_devices_may_wait_for_them(
    command: tuple[str, ...], function: str, options: tuple[str, ...],
    environment: dict[str, str], seconds: float, flowbackup: RunCommand, fake_api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("quick_plan", "load_plan"):
        fake_api(name, PLAN)
    called = fake_api(function, samples.report())
    assert flowbackup(*command, *options).exit_code == 0
    settings = next(a for a in called.call_args.args if hasattr(a, "wait_seconds_max"))
    assert settings.wait_seconds_max == seconds


def test_a_wait_that_is_no_duration_is_refused(flowbackup: RunCommand) -> None:
    ran = flowbackup("repair", "--retry-lock", "soon")
    assert ran.exit_code == 2 and '"soon" is not a duration' in ran.err


@pytest.mark.parametrize("option", ["--dry-run", "--plan"])
def test_a_dry_run_shows_the_plan_and_touches_nothing(
    option: str, flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("load_plan", PLAN)
    ran_backup = fake_api("run_backup", samples.report())
    text = flowbackup("run", "g.yaml", option).out
    assert "memory: 65 MiB here" in text
    assert "the device nas sets the pace" in text
    (plan,) = flowbackup("run", "g.yaml", option, "--json").lines
    assert plan["memory_bytes"] == {"here": 65 << 20}
    ran_backup.assert_not_called()


def test_json_ends_with_the_summary(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    def run(plan: Plan, settings: api.RunSettings, monitor: Monitor) -> SessionReport:
        monitor.message("begun")
        monitor.problem(PROBLEM)
        monitor.progress(samples.moment(1 << 20))
        return samples.report(Outcome.INCOMPLETE, 3, (PROBLEM,))

    fake_api("load_plan", PLAN)
    fake_api("run_backup", run)
    ran = flowbackup("run", "g.yaml", "--json")
    assert ran.exit_code == 3
    assert [line["type"] for line in ran.lines] == ["message", "problem", "progress", "summary"]
    assert ran.lines[2]["bytes_total"] is None
    summary = ran.lines[-1]
    assert set(summary) >= SUMMARY_KEYS
    assert (summary["outcome"], summary["exit_code"]) == ("incomplete", 3)
    assert summary["problems"] == [{"kind": "unreadable", "text": "EACCES", "path": "etc/shadow"}]
    assert json.loads(ran.out.splitlines()[-1])["devices"][1]["state"] == "failed"


def test_people_see_outcome_copies_devices_and_problems(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    problems = tuple(Problem("vanished", "gone", path=b"f%d" % n) for n in range(30))
    fake_api("load_plan", PLAN)
    fake_api("run_backup", samples.report(Outcome.INCOMPLETE, 4, problems))
    ran = flowbackup("run", "g.yaml")
    assert ran.exit_code == 4
    for text in ("incomplete: graph nightly", "1 of 2", "offsite.usb", "failed", "30 vanished"):
        assert text in ran.out
    assert "and 10 more" in ran.out
    assert "vanished f29: gone" in flowbackup("run", "g.yaml", "-v").out


def test_quiet_says_nothing_of_success_and_all_of_the_rest(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    def run(plan: Plan, settings: api.RunSettings, monitor: Monitor) -> SessionReport:
        monitor.message("begun")
        return samples.report()

    fake_api("load_plan", PLAN)
    fake_api("run_backup", run)
    ran = flowbackup("run", "g.yaml", "-q")
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")
    fake_api("run_backup", samples.report(Outcome.FAILED, 1))
    assert "failed" in flowbackup("run", "g.yaml", "-q").out


def test_restore_asks_for_what_was_written(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("restore", samples.report())
    flowbackup(
        "restore", "web/site@3:etc", "--target", "/back", "--include", "*.conf", "--include", "a",
        "--exclude", "*.bak", "--overwrite", "changed", "--as-of", "2026-01-01", "--dry-run",
    )  # fmt: skip
    query, target, request, _ = fake.call_args.args
    assert (query, target) == ("web/site@3:etc", "/back")
    assert request == api.RestoreRequest(
        overwrite="changed", include=("*.conf", "a"), exclude=("*.bak",), dry_run=True,
        as_of="2026-01-01",
    )  # fmt: skip


def test_restore_loses_nothing_by_default(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("restore", samples.report())
    flowbackup("restore", "latest", "--target", "/back")
    assert fake.call_args.args[2].overwrite == "never"


def test_verify(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("verify", samples.report(Outcome.FAILED, 1))
    assert flowbackup("verify", "/mnt/nas", "usb").exit_code == 1
    assert fake.call_args.args[0] == ("/mnt/nas", "usb")
    assert fake.call_args.kwargs == {"sample": None, "address": ""}
    flowbackup("verify", "--sample", "1/30", "--address", "auto")
    assert fake.call_args.kwargs == {"sample": Fraction(1, 30), "address": "auto"}


@pytest.mark.parametrize("share", ["0", "1/0", "-1/3", "31/30", "all", ""])
def test_a_part_is_a_part_of_a_whole(share: str, flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("verify", samples.report())
    ran = flowbackup("verify", "--sample", share)
    assert (ran.exit_code, fake.called) == (2, False)
    assert "write 1/30" in ran.err


def test_repair_asks_for_what_was_written(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    done = replace(samples.report(), kind="repair", graph="nas, usb", bytes_new=3 << 20)
    repair = fake_api("repair", done)
    ran = flowbackup("repair", "nas", "/mnt/usb", "--object", "site", "--full", "--dry-run")
    devices, request, _ = repair.call_args.args
    assert devices == ("nas", "/mnt/usb")
    assert request == api.RepairRequest(
        objects=("site",), full=True, dry_run=True, wait_seconds_max=5
    )
    assert "13 frames moved, 5 MiB read, 3 MiB written" in ran.out
    flowbackup("repair")
    assert repair.call_args.args[:2] == ((), api.RepairRequest(wait_seconds_max=5))


def test_rebuild(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake = fake_api("rebuild", samples.report(Outcome.INCOMPLETE, 3))
    assert flowbackup("rebuild", "/mnt/nas", "/mnt/usb").exit_code == 3
    assert fake.call_args.args[0] == ("/mnt/nas", "/mnt/usb")
    assert fake.call_args.kwargs == {"mode": "fast", "fresh": False}
    ran = flowbackup("rebuild", "/a", "--mode", "paranoid", "--fresh", "--catalog", "/c", "--json")
    assert ran.lines[-1]["type"] == "summary"
    assert fake.call_args.args[2] == Path("/c")
    assert fake.call_args.kwargs == {"mode": "paranoid", "fresh": True}
    assert flowbackup("rebuild").exit_code == 2


def test_drill_asks_for_what_was_written(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    drill = fake_api("drill", samples.report(Outcome.FAILED, 1))
    ran = flowbackup("drill", "site", "--sample", "5%", "--seed", "3", "--target", "/t")
    assert ran.exit_code == 1
    request = api.DrillRequest(sample=Fraction(1, 20), seed=3, target="/t")
    assert drill.call_args.args[:2] == ("site", request)
    flowbackup("drill", "--sample", "50")
    assert drill.call_args.args[:2] == (None, api.DrillRequest(sample=50))


@pytest.mark.parametrize("sample", ["0", "-1", "0%", "101%", "1.5", "some", "%"])
def test_a_sample_is_a_number_or_a_share(
    sample: str, flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    drill = fake_api("drill", samples.report())
    ran = flowbackup("drill", "--sample", sample)
    assert (ran.exit_code, drill.called) == (2, False)
    assert "write 50 (entries) or 5%" in ran.err
