"""Which process runs a session, as text that stands in the catalog."""

from __future__ import annotations

import json

from flowbackup.process import ProcessIdentity, identify


def holder_text() -> str:
    """The identity of this process, for `begin_session`."""
    return json.dumps(identify().as_dict(), sort_keys=True)


def holder_is_dead(text: str) -> bool:
    """True only where this machine can know it; False for a text that names no process."""
    try:
        return ProcessIdentity.from_dict(json.loads(text)).is_dead()
    except (KeyError, TypeError, ValueError):
        return False
