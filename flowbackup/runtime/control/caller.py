"""The other end of the channel: one request to a session of this machine, and its answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from flowbackup.errors import PeerLostError
from flowbackup.runtime.control.message import (
    ANSWER_BYTES_MAX,
    Message,
    peer_uid,
    raise_refusal,
    receive,
    send,
)


def call(path: str, verb: str, arguments: Mapping[str, object], seconds_max: float) -> Message:
    """Raises what the session answers with, PeerLostError where no session answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(seconds_max)
        try:
            _connect(connection, Path(path))
            send(connection, {"verb": verb, **arguments})
            answer = receive(connection, ANSWER_BYTES_MAX)
        except OSError as error:
            raise PeerLostError(
                f"no session answers at {path}: {error.strerror or 'it took too long'}",
                remedy="`flowbackup sessions` says whether it runs, and on which host",
            ) from error
    raise_refusal(answer)
    return answer


def _connect(connection: socket.socket, path: Path) -> None:
    """Raises PeerLostError for a socket that somebody else listens at."""
    holder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{holder}/{path.name}")
    finally:
        os.close(holder)
    if peer_uid(connection) not in (os.geteuid(), 0) and os.geteuid() != 0:
        raise PeerLostError(f"{path} belongs to another user")
