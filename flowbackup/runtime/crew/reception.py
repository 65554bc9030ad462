"""Who answers for a running session when another terminal asks: its state, changes, its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import Self

from flowbackup.errors import UsageError
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.monitor import Progress
from flowbackup.plan.decided import Plan
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.control.channel import Channel
from flowbackup.runtime.control.message import Message
from flowbackup.runtime.control.requests import Request, Requests
from flowbackup.runtime.crew.changes import LiveChanges
from flowbackup.runtime.crew.crew import Crew

CHANGE_SECONDS_MAX = 300.0
"""A process is started, a device is looked at, or the frame under way is written to a slow one."""

Check = Callable[[Plan, DeviceTarget, bool], None]
"""Looks at a device of the plan before anything is started for it.  True: an empty one may get its
label."""


class Reception:
    """The control channel of one session, open as long as this is entered."""

    def __init__(
        self, session: bytes, kind: str, graph: str, times: Beginning, cancel: Cancel,
        check: Check | None = None,
    ) -> None:  # fmt: skip
        """check: None for a session that takes no new mirrors."""
        self._head = {"session": id_text(session), "kind": kind, "graph": graph}
        self._times = times
        self._cancel = cancel
        self._check = check
        self._requests = Requests()
        self._channel = Channel(session, self._answer)
        self._progress = Progress("starting")
        self._agents: list[Message] = []

    @property
    def path(self) -> str:
        """Of the channel's socket; "" where there is none."""
        return self._channel.path

    @property
    def fault(self) -> str:
        """Why there is no channel, "" where there is one."""
        return self._channel.fault

    def __enter__(self) -> Self:
        self._channel.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.end_changes()
        self._channel.__exit__(kind, error, trace)

    def tell(self, progress: Progress, crew: Crew) -> None:
        """Where the session stands now."""
        self._progress = progress
        self._agents = [
            {
                "agent": name, "device": station.plan.device.name, "role": station.plan.role,
                "level": station.plan.level, "node": station.plan.node,
                "state": station.state if station.failure or station.begins else "running",
                "why": station.failure,
            }
            for name, station in crew.stations.items()
        ]  # fmt: skip

    def make_changes(self, changes: LiveChanges) -> None:
        """Makes those that were asked for since; called by the session between its rounds."""
        self._requests.answer_all(lambda request: self._change(request, changes))

    def end_changes(self) -> None:
        """The chains come to their end: nothing is attached or detached any more."""
        self._requests.close()

    def _answer(self, request: Request) -> Message:
        match request.verb:
            case "status":
                return self._status()
            case "cancel":
                is_now = request.is_set("now")
                if is_now or not self._cancel.is_told:
                    self._cancel.tell(at_once=is_now)
                return {}
            case _:
                return self._requests.ask(request, CHANGE_SECONDS_MAX)

    def _status(self) -> Message:
        seconds = round(self._times.seconds(), 3)
        progress = asdict(self._progress)
        return {**self._head, "seconds": seconds, "progress": progress, "agents": self._agents}

    def _change(self, request: Request, changes: LiveChanges) -> Message:
        if request.verb == "limit":
            return {"edge": changes.limit(request.text("edge"), request.number("rate"))}
        place = request.text("device")
        if not place:
            raise UsageError(f"{request.verb} needs a device", remedy="name it")
        if request.verb == "detach":
            return {"agent": changes.detach(place)}
        check, is_new = self._check, request.is_set("init")
        if check is None:
            raise UsageError(
                f"a session of kind {self._head['kind']} takes no new mirrors",
                remedy="`flowbackup repair DEVICE --full` fills one from the others",
            )
        agent = changes.attach(
            place, request.text("from"), lambda plan, target: check(plan, target, is_new)
        )
        return {"agent": agent}
