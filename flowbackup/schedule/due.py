"""When graphs run next, as far as systemd knows; what cron will do nobody can ask."""

from __future__ import annotations

import json
import subprocess

from flowbackup.schedule.task import PREFIX

SECONDS_MAX = 5.0
"""Somebody looks at a page."""
_TIMER = ".timer"


def next_runs() -> dict[str, int]:
    """Graph -> nanoseconds since 1970, of the timers of this user and of the system; none where
    there is no systemd."""
    found: dict[str, int] = {}
    for words in (["systemctl", "--user"], ["systemctl"]):
        for graph, due_ns in _timers(words):
            found[graph] = min(due_ns, found.get(graph, due_ns))
    return found


def _timers(words: list[str]) -> list[tuple[str, int]]:
    try:
        asked = subprocess.run(
            [*words, "list-timers", "--output=json", f"{PREFIX}*{_TIMER}"],
            capture_output=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        rows = json.loads(asked.stdout)
        return [
            (str(row["unit"]).removeprefix(PREFIX).removesuffix(_TIMER), int(row["next"]) * 1000)
            for row in rows
            if row.get("next")
        ]
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError, AttributeError):
        # No systemd, or one that does not say it so: then nobody knows.
        return []
