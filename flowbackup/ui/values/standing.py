"""Of the server itself."""

from __future__ import annotations

from flowbackup.ui.values.shape import Told


class ServerState(Told):
    """roots: folders below which the page may name paths; relative ones begin at the first.
    has_sessions: whether anything ever ran; if not, the page offers a first try."""

    version: str
    roots: list[str]
    catalog: str
    has_sessions: bool
