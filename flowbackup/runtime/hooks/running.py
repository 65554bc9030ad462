"""The hooks of one session or object: each at its moment, in the order of the file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from flowbackup.errors import FlowbackupError, HookError, InterruptedSessionError
from flowbackup.flow.hooks import end_with_hooks, hooks_at
from flowbackup.model.hook import Hook, When
from flowbackup.model.report import Outcome
from flowbackup.monitor import Problem
from flowbackup.source.command import CommandLimits, Stopped, run_command

KIND = "hook_failed"
_END_SECONDS_MAX = 2.0
"""Behind its time a command is ended, which takes less than a second."""


class Hooks:
    """Runs them, and tells of those that failed without harm.  Used by one thread."""

    def __init__(
        self, hooks: Iterable[Hook], environment: Mapping[str, str],
        tell: Callable[[Problem], None], owner: str = "",
    ) -> None:  # fmt: skip
        """environment: what all of them are told, beside what a moment knows.  tell: called in any
        thread.  owner: who is meant, in front of a problem."""
        self._hooks = tuple(hooks)
        self._environment = dict(environment)
        self._tell = tell
        self._owner = owner
        self._behind: list[tuple[threading.Thread, float]] = []

    def begin(self, stopped: Stopped, stopped_behind: Stopped) -> FlowbackupError | None:
        """Those before.  The first that must not fail and does is the last: its error.
        stopped_behind: ends those in the background."""
        for hook in hooks_at(self._hooks, When.BEFORE):
            if hook.in_background:
                self._start(hook, {}, stopped_behind)
                continue
            error = self._run(hook, {}, stopped)
            if error is not None and (hook.fails or isinstance(error, InterruptedSessionError)):
                return error
            self._told(error)
        return None

    def end(
        self, outcome: Outcome, exit_code: int, stopped: Stopped
    ) -> FlowbackupError | None:  # fmt: skip
        """Those behind it, whatever becomes of each: first those after every outcome, then those of
        the outcome that these have left.  The error of the first that must not fail and did."""
        first = self._end(When.AFTER, outcome, exit_code, stopped)
        outcome, exit_code = end_with_hooks(outcome, exit_code, failed=first is not None)
        second = self._end(When(outcome.value), outcome, exit_code, stopped)
        if first is not None:
            self._told(second)
        return first or second

    def _end(
        self, when: When, outcome: Outcome, exit_code: int, stopped: Stopped
    ) -> FlowbackupError | None:  # fmt: skip
        facts = {"FLOWBACKUP_OUTCOME": outcome.value, "FLOWBACKUP_EXIT_CODE": str(exit_code)}
        failure: FlowbackupError | None = None
        for hook in hooks_at(self._hooks, when):
            if hook.in_background:
                self._start(hook, facts, stopped)
                continue
            error = self._run(hook, facts, stopped)
            if hook.fails and failure is None:
                failure = error
            else:
                self._told(error)
        return failure

    def settle(self) -> None:
        """Waits for those in the background, each as long as it may take."""
        while self._behind:
            thread, latest = self._behind.pop()
            thread.join(max(0.0, latest - time.monotonic()))

    @property
    def may_fail_behind(self) -> bool:
        """May one of those behind it change how it ended?"""
        return any(hook.fails for hook in self._hooks if hook.when is not When.BEFORE)

    def _start(self, hook: Hook, facts: Mapping[str, str], stopped: Stopped) -> None:
        thread = threading.Thread(
            target=lambda: self._told(self._run(hook, facts, stopped)), name=str(hook), daemon=True
        )
        thread.start()
        latest = time.monotonic() + hook.seconds_max + _END_SECONDS_MAX
        self._behind.append((thread, latest))

    def _run(
        self, hook: Hook, facts: Mapping[str, str], stopped: Stopped
    ) -> FlowbackupError | None:  # fmt: skip
        limits = CommandLimits(hook.seconds_max, stopped)
        try:
            run_command(hook.words, str(hook), {**self._environment, **facts}, limits)
        except InterruptedSessionError as error:
            return error
        except FlowbackupError as error:
            return HookError(error.message, remedy=error.remedy)
        return None

    def _told(self, error: FlowbackupError | None) -> None:
        if error is not None:
            self._tell(Problem(KIND, f"{self._owner}{error}"))
