"""The log of a command for programs that collect logs (`--log-json`): one JSON object per line on
standard error, where people would have read remarks, problems and errors.

Its keys are published: a collector filters by them.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from flowbackup.api.moment import progress_fields
from flowbackup.api.rates import RateMeter
from flowbackup.model.ids import id_text
from flowbackup.model.published import device_fields, problem_fields
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, Progress

LOG_SECONDS = 10.0
"""Between two states: as often as people are told, who read the same log later."""


class Level(StrEnum):
    """How much an event wants to be looked at."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_LEVEL_OF = {
    Outcome.SUCCESS: Level.INFO,
    Outcome.INCOMPLETE: Level.WARNING,
    Outcome.FAILED: Level.ERROR,
}


class JsonLog:
    """Writes events.  Each is one write, so that no other line gets into the middle of one."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """now: seconds since 1970."""
        self._now = now
        self._host = socket.gethostname()
        self._session = ""

    def belongs_to(self, session: str) -> None:
        """What is written from here on is of this session."""
        self._session = session

    def write(self, level: Level, event: str, message: str, **fields: object) -> None:
        """One line.  message: "" where the fields say all."""
        head = {"time": self._time(), "level": level.value, "event": event, "host": self._host}
        session = {"session": self._session} if self._session else {}
        line = {**head, **session, **fields, "message": message}
        sys.stderr.write(json.dumps(line, ensure_ascii=True) + "\n")
        sys.stderr.flush()

    def ended(self, report: SessionReport) -> None:
        """How a session, and each of its devices, ended; the stages behind it have their own."""
        for part in (report, *report.stages):
            self.belongs_to(part.session)
            level = _LEVEL_OF[part.outcome]
            for device in part.devices:
                fields = device_fields(device)
                # `name` and `level` mean something else in a log.
                fields |= {
                    "device": fields.pop("name"), "level_of_chain": fields.pop("level"),
                }  # fmt: skip
                text = f"{device.agent or device.name}: {device.state}"
                self.write(Level.INFO, "device", text, **fields)
            self.write(
                level, "session_ended", f"{part.kind}: {part.outcome.value}", kind=part.kind,
                graph=part.graph, outcome=part.outcome.value, exit_code=part.exit_code,
                duration_seconds=round(part.duration_seconds, 3), bytes_read=part.bytes_read,
                bytes_new=part.bytes_new, problems=len(part.problems),
            )  # fmt: skip

    def _time(self) -> str:
        """RFC 3339 in UTC, always with six digits, so that text sorts as time does."""
        moment = datetime.fromtimestamp(self._now(), UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class LoggedProgress:
    """A Monitor that logs what it hears and hands it on."""

    def __init__(
        self, log: JsonLog, behind: Monitor, remark: Callable[[str], None], *,
        tells_states: bool = True, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """remark: takes messages, and logs them with other remarks of the command."""
        self.message = remark
        self._log = log
        self._behind = behind
        self._tells_states = tells_states
        self._clock = clock
        self._rates = RateMeter(clock(), LOG_SECONDS)
        self._next = clock() + LOG_SECONDS

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        self._log.belongs_to(id_text(session))
        self._log.write(Level.INFO, "session_began", f"{kind} began", kind=kind, graph=subject)
        self._behind.session_began(session, kind, subject)

    def problem(self, problem: Problem) -> None:
        fields = problem_fields(problem)
        text = str(fields.pop("text"))
        self._log.write(Level.WARNING, "problem", text, **fields)
        self._behind.problem(problem)

    def progress(self, progress: Progress) -> None:
        now = self._clock()
        rates = self._rates.rates(progress, now)
        if self._tells_states and now >= self._next:
            self._next = now + LOG_SECONDS
            fields = progress_fields(progress, rates)
            self._log.write(Level.INFO, "progress", progress.stage, **fields)
        self._behind.progress(progress)
