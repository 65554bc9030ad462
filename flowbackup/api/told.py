"""What a session tells over its channel, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbackup.errors import ProtocolError
from flowbackup.monitor import EdgeState, Progress


def told_progress(state: Mapping[str, Any]) -> Progress:
    """Of the state that a session tells over its channel.  Raises ProtocolError for a session that
    another version of flowbackup runs."""
    try:
        edges = tuple(EdgeState(**edge) for edge in state["progress"]["edges"])
        return Progress(**{**state["progress"], "edges": edges})
    except (KeyError, TypeError) as error:
        raise ProtocolError(
            "the session tells its state in another way than this version understands",
            remedy="ask with the flowbackup that runs it",
        ) from error
