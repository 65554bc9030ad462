"""What commands say of sessions that were interrupted, and how a run is told to go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowbackup import api
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand
from tests.cli.test_sessions_run import PLAN

ROW = samples.RUNNING_SESSION
COMMANDS = [("sessions", []), ("objects", []), ("status", []), ("copies", [])]


@pytest.mark.parametrize(("command", "rows"), COMMANDS)
def test_commands_that_look_say_in_one_line_what_to_do(
    command: str, rows: list[object], flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api(command, rows)
    fake_api("lost_media", [])
    fake_api("interrupted", [ROW, replace(ROW, graph_name="older")])
    ran = flowbackup(command)
    (line,) = [line for line in ran.err.splitlines() if "interrupted" in line]
    assert line.startswith("backup session 01a0c450-6c00-7000 ")
    assert line.endswith(
        "of graph nightly was interrupted; run the same again: what it has made safe is neither "
        "read nor sent again"
    )
    assert "interrupted" not in flowbackup(command, "--json").out
    fake_api("interrupted", [replace(ROW, kind="copy", graph_name="")])
    assert "was interrupted; `flowbackup copy` of the same graph" in flowbackup(command).err


@pytest.mark.parametrize(
    ("options", "resume"), [((), None), (("--resume",), True), (("--no-resume",), False)]
)
@pytest.mark.parametrize("command", [("run", "g.yaml"), ("backup", "/srv", "--to", "/a")])
def test_a_run_goes_on_as_it_is_told(
    command: tuple[str, ...], options: tuple[str, ...], resume: bool | None,
    flowbackup: RunCommand, fake_api: FakeApi,
) -> None:  # fmt: skip
    fake_api("load_plan", PLAN)
    fake_api("quick_plan", PLAN)
    ran_backup = fake_api("run_backup", samples.report())
    assert flowbackup(*command, *options).exit_code == 0
    settings = ran_backup.call_args.args[1]
    assert isinstance(settings, api.RunSettings)
    assert settings.resume is resume


def test_a_summary_tells_what_was_safe_already(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    report = samples.report()
    (first, *others) = report.objects
    report = replace(report, objects=(replace(first, bytes_known=3 << 20), *others))
    fake_api("load_plan", PLAN)
    fake_api("run_backup", report)
    assert "new, 3 MiB unchanged and not read in" in flowbackup("run", "g.yaml").out
    (summary,) = flowbackup("run", "g.yaml", "--json").lines
    objects = summary["objects"]
    assert isinstance(objects, list)
    assert objects[0]["bytes_known"] == 3 << 20
