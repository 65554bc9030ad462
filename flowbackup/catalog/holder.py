"""Which process runs a session, as text that stands in the catalog."""

from __future__ import annotations

import json

from flowbackup.process import ProcessIdentity, identify


def holder_text(channel: str = "") -> str:
    """The identity of this process, for `begin_session`.  channel: the socket at which the session
    listens to other terminals of this machine, "" for none."""
    reached = {"channel": channel} if channel else {}
    return json.dumps(identify().as_dict() | reached, sort_keys=True)


def channel_of(text: str) -> str:
    """The socket of the session whose holder this is, "" for none."""
    try:
        value = json.loads(text)
        return str(value.get("channel", ""))
    except (AttributeError, ValueError):
        return ""


def holder_is_dead(text: str) -> bool:
    """True only where this machine can know it; False for a text that names no process."""
    try:
        return ProcessIdentity.from_dict(json.loads(text)).is_dead()
    except (KeyError, TypeError, ValueError):
        return False
