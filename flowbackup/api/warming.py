"""The part of the api that keeps a Ray between commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbackup.runtime.engines.warm_state import WarmRay as WarmRay


def up() -> tuple[WarmRay, bool]:
    """A Ray of this user that commands find, and whether it was started now.  Raises
    FlowbackupError for one of other versions that is up already, PeerLostError where it does not
    start."""
    from flowbackup.runtime.warm.switch import bring_up

    return bring_up()


def down(*, now: bool = False) -> WarmRay | None:
    """Ends it, and returns what it was; None where there was none.  now: also under running
    sessions, for which it raises FlowbackupError else."""
    from flowbackup.runtime.warm.switch import take_down

    return take_down(now=now)


def warm() -> WarmRay | None:
    """What is known of it, also of one that has died; None where there is none."""
    from flowbackup.runtime.engines.warm_state import warm_ray

    return warm_ray()
