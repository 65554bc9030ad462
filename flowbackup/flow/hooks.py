"""Which hooks run when, and what becomes of an outcome by one that fails."""

from __future__ import annotations

from collections.abc import Iterable

from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED
from flowbackup.model.hook import Hook, Notice, When
from flowbackup.model.report import Outcome

START = "start"
"""The event of a notice that is no outcome."""
_ENDINGS = {"start": "/start", "success": ""}
_FAILED_ENDING = "/fail"


def hooks_at(hooks: Iterable[Hook], when: When) -> list[Hook]:
    """Those of a moment, in the order of the file."""
    return [hook for hook in hooks if hook.when is when]


def end_with_hooks(outcome: Outcome, exit_code: int, *, failed: bool) -> tuple[Outcome, int]:
    """Outcome and exit code behind hooks.  failed: one that must not fail did.  A session that was
    interrupted says so still."""
    if not failed:
        return outcome, exit_code
    is_told = exit_code == EXIT_INTERRUPTED or outcome is Outcome.FAILED
    return Outcome.FAILED, exit_code if is_told else EXIT_FAILED


def notices_of(notices: Iterable[Notice], event: str) -> list[Notice]:
    """Those that tell of an event."""
    return [notice for notice in notices if event in notice.events]


def healthchecks_path(path: str, event: str) -> str:
    """The path of a check, as services of that kind want it: its own for a success, with /start or
    /fail behind it for the rest.  What is incomplete has not done all that it should."""
    return path.rstrip("/") + _ENDINGS.get(event, _FAILED_ENDING)
