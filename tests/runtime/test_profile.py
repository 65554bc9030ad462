"""Where the time of a session went, on both engines."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.model.profile import Profile, Role, Work
from flowbackup.model.report import SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.beginning import Beginning

ENGINES = ("ray", "local")
SLACK = 0.001


def of(profile: Profile, role: Role, name: str = "") -> dict[Work, float]:
    return {s.work: s.seconds for s in profile.spent if s.role is role and s.name == name}


def test_works_follow_each_other_and_are_all_of_it() -> None:
    beginning = Beginning()
    for work in (Work.STARTING, Work.OPENING, Work.RUNNING, Work.OPENING, Work.RECORDING):
        beginning.turn_to(work)
    seconds = beginning.seconds() + 1.0
    spent = beginning.spent(seconds)
    assert [s.work for s in spent] == [
        Work.CHECKING, Work.STARTING, Work.OPENING, Work.RUNNING, Work.RECORDING,
    ]  # fmt: skip
    assert sum(s.seconds for s in spent) == pytest.approx(seconds)
    assert spent[-1].seconds >= 1.0


def test_a_backup_and_its_restore_tell_where_their_time_went(
    tmp_path: Path, catalog: Path, chain_of: Callable[..., Plan],
    backup: Callable[..., SessionReport],
) -> None:  # fmt: skip
    source = tmp_path / "source"
    source.mkdir()
    for number in range(50):
        (source / f"f{number}").write_bytes(os.urandom(20_000))
    (source / "large").write_bytes(os.urandom(5 << 20))
    report = backup(chain_of(source, 2))
    profile = report.profile
    assert profile is not None and profile.seconds >= report.duration_seconds
    session = of(profile, Role.SESSION)
    assert sum(session.values()) == pytest.approx(profile.seconds)
    (client,) = {s.name for s in profile.spent if s.role is Role.CLIENT}
    own = of(profile, Role.CLIENT, client)
    for work in (Work.SCANNING, Work.READING, Work.HASHING, Work.OTHER):
        assert own[work] > 0, work
    beside = own.pop(Work.HASHING_BESIDE)
    assert sum(own.values()) <= session[Work.RUNNING] + SLACK
    assert beside <= session[Work.RUNNING]
    agents = [s.name for s in profile.spent if s.role is Role.AGENT and s.work is Work.WRITING]
    assert agents == ["primary.d0", "mirror1.d1"]
    for agent in agents:
        times = of(profile, Role.AGENT, agent)
        assert times[Work.WRITING] > 0 and times[Work.SYNCING] >= 0
    request = api.RestoreRequest(catalog=catalog)
    restored = api.restore("latest", str(tmp_path / "back"), request, SilentMonitor()).profile
    assert restored is not None
    works = {s.work for s in restored.spent if s.seconds > 0}
    assert {Work.RUNNING, Work.FRAMES, Work.READING, Work.MAKING, Work.SYNCING} <= works
