"""The runs of all clients of a session, from the first call to how each object ended."""

from __future__ import annotations

import time

from flowbackup.errors import FlowbackupError, InterruptedSessionError
from flowbackup.model.ids import new_id
from flowbackup.monitor import Problem
from flowbackup.plan.decided import Plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.cancel import Word
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.watch import Watch
from flowbackup.runtime.engines.answers import fetched, wait_for_any
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Reference

CANCEL_SECONDS_MAX = 0.25
"""A client that was told to end at once may be deep in a read that never returns."""
CANCEL_SECONDS_MAX_HOOKS = 0.7
"""With hooks behind its objects it gets what Part.WRITE leaves behind Part.READ."""
HOOK_SECONDS_MAX = 60.0
"""The same where nobody waits at a terminal: a group has failed."""
SETTLE_LOOK_SECONDS = 0.25
SETTLE_SECONDS_MAX = 20.0
"""What a lost client has sent is written to the end: one window of a slow device."""


class ClientRuns:
    """Clients at work.  They read; what became durable of it, `Watch` knows."""

    def __init__(self, plan: Plan, crew: Crew, watch: Watch) -> None:
        self._plan = plan
        self._crew = crew
        self._watch = watch
        self._running: dict[Reference, str] = {
            client.run.remote(): name for name, client in crew.clients.items()
        }
        self._failures: dict[str, FlowbackupError] = {}
        self._ends_at: float | None = None
        self._word = Word.NONE
        self._is_now = False
        self._has_hooks = any(o.hooks for o in plan.objects)

    @property
    def is_over(self) -> bool:
        """All have ended, or were told to and had their time."""
        late = self._ends_at is not None and time.monotonic() >= self._ends_at
        return late or not self._running

    @property
    def is_to_end(self) -> bool:
        """Were the clients told to end now?"""
        return self._ends_at is not None

    def hear(self) -> Word:
        """Hands the user's word on, if there is a new one; the present one."""
        word = self._crew.cancel.word
        if self._has_news():
            self._word, self._is_now = word, self._crew.cancel.is_now
            self.end(drain=word is Word.DRAIN)
        return word

    def end(self, *, drain: bool) -> None:
        """drain: at the border of the objects under way; else at that of the next frame."""
        for client in self._crew.clients.values():
            client.cancel.remote(drain=drain, now=self._is_now)
        if not drain and (self._ends_at is None or self._is_now):
            latest = time.monotonic() + self._patience()
            self._ends_at = latest if self._ends_at is None else min(self._ends_at, latest)

    def _patience(self) -> float:
        """How many seconds clients have that were told to end at once."""
        if self._is_now or not self._has_hooks:
            return CANCEL_SECONDS_MAX
        return CANCEL_SECONDS_MAX_HOOKS if self._word else HOOK_SECONDS_MAX

    def wait(self, seconds_max: float) -> None:
        """Until a client ends, the user has said a word, or that long."""
        if self._ends_at is not None:
            seconds_max = min(seconds_max, self._ends_at - time.monotonic())
        running, engine = list(self._running), self._crew.engine
        for reference in wait_for_any(engine, running, seconds_max, self._has_news):
            name = self._running.pop(reference)
            failure = self._failure_of(name, reference)
            if failure is not None:
                self._failures[name] = failure

    def settle(self) -> None:
        """Lets the chains finish what lost clients have sent; at most so long."""
        latest = time.monotonic() + SETTLE_SECONDS_MAX
        while (
            self._crew.clients_lost and not self._watch.is_quiet and time.monotonic() < latest
            and not self._crew.cancel.is_told
        ):  # fmt: skip
            time.sleep(SETTLE_LOOK_SECONDS)
            self._watch.round()

    def endings(self) -> list[tuple[str, ObjectEnding]]:
        """How each object ended; those of which nothing was heard have failed with their client."""
        heard = [(client, e) for client, found in self._watch.endings.items() for e in found]
        known = {(client, ending.name) for client, ending in heard}
        return heard + [
            (o.client, ObjectEnding(o.name, new_id(), None, self._reason(o.client), (), ()))
            for o in self._plan.objects
            if (o.client, o.name) not in known
        ]

    def problems(self) -> list[Problem]:
        """Why frames that were read could not be made safe, where no object says so itself."""
        told = {str(e.failure) for found in self._watch.endings.values() for e in found}
        return [
            Problem("chain_failed", f"client {client}: {failure}")
            for client, failure in self._failures.items()
            if client not in self._crew.clients_lost and str(failure) not in told
        ]

    def _has_news(self) -> bool:
        cancel = self._crew.cancel
        return cancel.word > self._word or cancel.is_now > self._is_now

    def _failure_of(self, name: str, reference: Reference) -> FlowbackupError | None:
        try:
            failure: FlowbackupError | None = fetched(reference)
        except CallError as error:
            self._watch.lose_client(name, error)
            return as_ours(error, f"client {name}")
        return failure

    def _reason(self, client: str) -> FlowbackupError:
        cut_short = InterruptedSessionError(f"client {client} was ended while it was reading")
        return self._failures.get(client, cut_short)
