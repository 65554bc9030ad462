"""The hooks around the data objects of one client, where these are read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.errors import EXIT_FAILED, EXIT_INCOMPLETE_SOURCE, EXIT_SUCCESS
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import ObjectPlan
from flowbackup.runtime.edges.wiring import ClientSettings
from flowbackup.runtime.hooks.running import Hooks

EXIT_CODES = {
    Outcome.SUCCESS: EXIT_SUCCESS,
    Outcome.INCOMPLETE: EXIT_INCOMPLETE_SOURCE,
    Outcome.FAILED: EXIT_FAILED,
}


class Busy:
    """How many commands of the user run; who ends their process waits for them first."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """One more while this lasts."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait_none(self, seconds_max: float) -> None:
        """Until none runs, or that long."""
        latest = time.monotonic() + seconds_max
        with self._changed:
            while self._count and (left := latest - time.monotonic()) > 0:
                self._changed.wait(left)


def object_environment(settings: ClientSettings, plan: ObjectPlan) -> dict[str, str]:
    """What commands of an object are told, hooks as well as those that it is read from."""
    return {
        "FLOWBACKUP_CATALOG": settings.catalog, "FLOWBACKUP_CLIENT": plan.client,
        "FLOWBACKUP_GRAPH": settings.graph, "FLOWBACKUP_OBJECT": plan.name,
        "FLOWBACKUP_SESSION": id_text(settings.session),
    }  # fmt: skip


def hooks_of(settings: ClientSettings, plan: ObjectPlan, monitor: Monitor) -> Hooks:
    """Those around an object."""
    environment = object_environment(settings, plan)
    return Hooks(plan.hooks, environment, monitor.problem, f"{plan.client}/{plan.name}: ")
