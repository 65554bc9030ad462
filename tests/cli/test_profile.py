"""Where the time went, for people and for programs."""

from __future__ import annotations

from dataclasses import replace

from flowbackup.model.profile import NO_TIMES, ClientTimes, Profile, Role, Spent, Work
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand

PROFILE = Profile(
    4.0,
    (
        Spent(Role.SESSION, "", Work.RUNNING, 3.0),
        Spent(Role.CLIENT, "web", Work.READING, 1.0),
        Spent(Role.AGENT, "primary.nas", Work.SYNCING, 0.0),
        Spent(Role.EDGE, "web -> primary.nas", Work.WAITING, 2.0, "nas"),
    ),
)
REPORT = replace(samples.report(), profile=PROFILE)
RESTORE = ("restore", "latest", "--target", "x")


def test_a_table_behind_the_summary_and_only_when_asked(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("restore", REPORT)
    assert "where" not in flowbackup(*RESTORE).out
    lines = flowbackup(*RESTORE, "--profile").out.splitlines()
    behind = lines[lines.index("  where 4.0 s went") + 1 :]
    assert [line.split() for line in behind] == [
        ["who", "spent", "on", "seconds", "share"],
        ["session", "running", "3.000", "75%"],
        ["client", "web", "reading", "1.000", "25%"],
        ["edge", "web", "->", "primary.nas", "waiting", "for", "nas", "2.000", "50%"],
    ]


def test_an_object_in_the_summary_and_only_when_asked(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("restore", REPORT)
    assert "profile" not in flowbackup(*RESTORE, "--json").lines[-1]
    summary = flowbackup(*RESTORE, "--profile", "--json").lines[-1]
    assert summary["profile"] == {
        "seconds": 4.0,
        "spent": [
            {"role": "session", "name": "", "work": "running", "seconds": 3.0},
            {"role": "client", "name": "web", "work": "reading", "seconds": 1.0},
            {"role": "agent", "name": "primary.nas", "work": "syncing", "seconds": 0.0},
            {"role": "edge", "name": "web -> primary.nas", "work": "waiting for credit",
             "seconds": 2.0, "target": "nas"},
        ],
    }  # fmt: skip


def test_the_rest_of_a_client_is_packing_and_never_less_than_nothing() -> None:
    times = ClientTimes(10.0, 1.0, 2.0, 3.0, 9.0, 0.5, 0.25)
    spent = {s.work: s.seconds for s in times.spent("web")}
    assert spent[Work.OTHER] == 3.25 and spent[Work.HASHING_BESIDE] == 9.0
    assert all(s.seconds == 0 for s in NO_TIMES.spent("web"))
    assert {s.work: s.seconds for s in ClientTimes(1.0, 2.0).spent("")}[Work.OTHER] == 0
