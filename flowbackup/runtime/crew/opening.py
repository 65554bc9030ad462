"""From a plan to a crew that holds its devices, or to none that holds anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.errors import DeviceLockedError
from flowbackup.frame.keys import WriterKey
from flowbackup.leaving import taken_away
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.entrance import Entrance
from flowbackup.runtime.engines.port import Engine


@contextmanager
def open_crew(
    plan: Plan, session: bytes, entrance: Entrance, monitor: Monitor, engine: Engine,
    cancel: Cancel, key: WriterKey | None = None,
) -> Iterator[Crew]:  # fmt: skip
    """Everybody is open inside, and dismissed behind it.  Raises what `Entrance.wait` and
    `Crew.open` raise."""
    crew = _let_in(plan, session, entrance, monitor, engine, cancel, key)
    with taken_away(crew.remove_memory):
        try:
            yield crew
        finally:
            _dismiss(crew, monitor)


def _let_in(
    plan: Plan, session: bytes, entrance: Entrance, monitor: Monitor, engine: Engine,
    cancel: Cancel, key: WriterKey | None,
) -> Crew:  # fmt: skip
    # Every node that is not there is named before anybody waits.
    engine.place(plan.nodes)
    entrance.wait()
    while True:
        crew = Crew(plan, session, engine, cancel, key)
        try:
            _open(crew, monitor)
        except DeviceLockedError as error:
            # Somebody who saw no ticket was quicker: nobody waits with half of the devices.
            entrance.try_again(error)
        except BaseException:
            entrance.leave()
            raise
        else:
            entrance.leave()
            return crew


def _open(crew: Crew, monitor: Monitor) -> None:
    """Raises what keeps it from being open, and is dismissed then."""
    with taken_away(crew.remove_memory):
        try:
            crew.hire()
            crew.open()
        except BaseException:
            _dismiss(crew, monitor)
            raise


def _dismiss(crew: Crew, monitor: Monitor) -> None:
    for fault in crew.dismiss():
        monitor.message(f"at the end: {fault}")
