"""How a session ended behind the hooks of its user, as media are told of it later."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flowbackup.model.ids import id_from_text, id_text
from flowbackup.model.json_values import plain_text, whole_number
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Problem
from flowbackup.units import format_path

ENDS_MAX = 64
"""In one record: the newest ones, where no session of a graph has ended well for so long."""
PROBLEMS_MAX = 20
"""Of one end: a graph has few hooks and notices."""
TEXT_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Hooks run when the media of their session are sealed, and may be gone: what these have made
    of its end tells the next session of the graph.  problems: those that came behind the record of
    the session; of them kind and text."""

    session: bytes
    outcome: str
    exit_code: int
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of_report(cls, report: SessionReport, behind: Iterable[Problem]) -> SessionEnd:
        """behind: the problems of hooks and notices."""
        told = tuple(
            Problem(problem.kind, format_path(os.fsencode(problem.text))[:TEXT_CHARACTERS_MAX])
            for problem in islice(behind, PROBLEMS_MAX)
        )
        session = id_from_text(report.session)
        return cls(session, report.outcome.value, report.exit_code, told)

    def to_json(self) -> dict[str, Any]:
        return {
            "session": id_text(self.session),
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "problems": [{"kind": p.kind, "text": p.text} for p in self.problems],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SessionEnd:
        """Raises KeyError, TypeError or ValueError for one that is none."""
        problems = (
            Problem(plain_text(item["kind"]), plain_text(item["text"]))
            for item in value["problems"]
        )
        return cls(
            session=id_from_text(plain_text(value["session"])),
            outcome=Outcome(value["outcome"]).value,
            exit_code=whole_number(value["exit_code"]),
            problems=tuple(problems),
        )
