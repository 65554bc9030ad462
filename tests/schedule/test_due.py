"""When graphs run next, by a systemctl that says what a test has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.schedule.due import next_runs
from tests.schedule.programs import Programs

TIMERS = """\
#!/bin/sh
[ "$1" = --user ] || {{ echo '[{{"next": 5, "unit": "flowbackup-db.timer"}}]'; exit 0; }}
[ "$2" = list-timers ] && [ "$4" = "flowbackup-*.timer" ] || exit 1
echo '[{{"next": 1795762469836241, "unit": "flowbackup-web.site.timer", "last": 1}},
 {{"next": null, "unit": "flowbackup-off.timer"}}, {{"next": 9, "unit": "flowbackup-db.timer"}}]'
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "programs", monkeypatch)


def test_timers_of_the_user_and_of_the_system_are_asked(programs: Programs) -> None:
    programs.add("systemctl", TIMERS)
    assert next_runs() == {"web.site": 1795762469836241000, "db": 5000}


@pytest.mark.parametrize(
    "says", ["exit 1", "echo", "echo '{{}}'", "echo '[1]'", 'echo \'[{{"next": "soon"}}]\'']
)
def test_who_does_not_say_it_is_not_believed(programs: Programs, says: str) -> None:
    programs.add("systemctl", f"#!/bin/sh\n{says}\n")
    assert next_runs() == {}
