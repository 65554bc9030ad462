"""What a graph has done around a session: hooks before and behind it, notices when it begins and
ends.  All of that happens while the session holds no device: a hook may mount one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED, FlowbackupError
from flowbackup.flow.hooks import START, end_with_hooks
from flowbackup.model.ids import id_text
from flowbackup.model.published import command_fields
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import Plan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.hooks.notices import Notices
from flowbackup.runtime.hooks.running import KIND, Hooks
from flowbackup.runtime.job import session_id
from flowbackup.runtime.signals import cancelled_by_signals


@dataclass(frozen=True, slots=True)
class Begun:
    """session: the id of the session that is about to run.  cancel: ends it."""

    session: bytes
    cancel: Cancel


Session = Callable[[Begun], SessionReport]


def around_session(
    plan: Plan, kind: str, catalog: Path, monitor: Monitor, session: Session
) -> SessionReport:  # fmt: skip
    """Runs a session with what its graph has around it.  Raises as the session, and HookError if a
    hook before it keeps it from being begun.  A hook behind it that must not fail makes the outcome
    failed; what was backed up is good all the same, and stays."""
    with cancelled_by_signals() as cancel:
        begun = Begun(session_id(catalog), cancel)
        if not plan.hooks and not plan.notices:
            return session(begun)
        return _Around(plan, kind, catalog, monitor, begun).run(session)


class _Around:
    """Of one session."""

    def __init__(
        self, plan: Plan, kind: str, catalog: Path, monitor: Monitor, begun: Begun
    ) -> None:
        self._plan = plan
        self._kind = kind
        self._catalog = catalog
        self._monitor = monitor
        self._begun = begun
        self._problems: list[Problem] = []
        environment = {
            "FLOWBACKUP_GRAPH": plan.graph, "FLOWBACKUP_SESSION": id_text(begun.session),
            "FLOWBACKUP_CATALOG": str(catalog),
        }  # fmt: skip
        self._hooks = Hooks(plan.hooks, environment, self._problem)
        self._notices = Notices(plan.notices, self._is_over)

    def run(self, session: Session) -> SessionReport:
        self._notices.send(START, self._start_fields())
        try:
            error = self._hooks.begin(lambda: self._begun.cancel.is_told, self._is_over)
            if error is not None:
                raise error
            report = session(self._begun)
        except BaseException as error:
            self._end_unbegun(error)
            raise
        return self._end(report)

    def _end(self, report: SessionReport) -> SessionReport:
        worst = report.worst
        is_failed = self._run_behind(worst.outcome, worst.exit_code)
        outcome, exit_code = end_with_hooks(worst.outcome, worst.exit_code, failed=is_failed)
        if is_failed:
            report = replace(report, outcome=outcome, exit_code=exit_code)
        fields = command_fields(replace(report, problems=(*report.problems, *self._problems)))
        self._notify(outcome, {"type": "summary", **fields})
        if self._problems:
            report = replace(report, problems=(*report.problems, *self._problems))
            self._amend(report)
        return report

    def _amend(self, report: SessionReport) -> None:
        """The catalog is to say the same, if it can."""
        try:
            with open_catalog(self._catalog) as catalog:
                catalog.ends.amend(report, self._problems)
        except FlowbackupError as error:
            self._monitor.message(f"the catalog does not tell of hooks and notices: {error}")

    def _end_unbegun(self, error: BaseException) -> None:
        """It was never begun, or broke off: there is no report."""
        exit_code, text = EXIT_FAILED, type(error).__name__
        if isinstance(error, FlowbackupError):
            exit_code, text = error.exit_code, str(error)
        elif isinstance(error, KeyboardInterrupt):
            exit_code = EXIT_INTERRUPTED
        self._run_behind(Outcome.FAILED, exit_code)
        end = {"outcome": Outcome.FAILED.value, "exit_code": exit_code, "text": text}
        self._notify(Outcome.FAILED, {"type": "error", **self._fields(), **end})

    def _run_behind(self, outcome: Outcome, exit_code: int) -> bool:
        """Hooks behind it, and the end of those in the background.  Did one fail that must not?"""
        error = self._hooks.end(outcome, exit_code, self._is_over)
        self._hooks.settle()
        if error is not None:
            self._problem(Problem(KIND, str(error)))
        return error is not None

    def _notify(self, outcome: Outcome, fields: dict[str, object]) -> None:
        late = self._notices.settle()
        self._notices.send(outcome.value, fields)
        for problem in (*late, *self._notices.settle()):
            self._problem(problem)

    def _problem(self, problem: Problem) -> None:
        self._problems.append(problem)
        self._monitor.problem(problem)

    def _is_over(self) -> bool:
        """Has the user ended it, and nobody waits any more?"""
        return self._begun.cancel.is_over

    def _fields(self) -> dict[str, object]:
        session = id_text(self._begun.session)
        return {"session": session, "kind": self._kind, "graph": self._plan.graph}

    def _start_fields(self) -> dict[str, object]:
        return {"type": START, "host": socket.gethostname(), **self._fields()}
