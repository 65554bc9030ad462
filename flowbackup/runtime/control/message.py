"""What is said over the channel: one JSON object on one line, and one back.

{"verb": "detach", "device": "usb"}
{"ok": true, "agent": "offsite.usb"}
{"ok": false, "kind": "UsageError", "text": "...", "remedy": "...", "findings": []}
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from flowbackup import errors
from flowbackup.errors import FlowbackupError, GraphError, ProtocolError

VERBS = ("status", "attach", "detach", "limit", "cancel")
REQUEST_BYTES_MAX = 64 << 10
ANSWER_BYTES_MAX = 4 << 20
"""A state has a few hundred bytes for each edge."""
_CREDENTIALS = struct.Struct("3i")
Message = dict[str, Any]


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(data)
    return int(uid)


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket, bytes_max: int) -> Message:
    """One message.  Raises ProtocolError for what is none, TimeoutError, OSError."""
    data = bytearray()
    while b"\n" not in data:
        part = connection.recv(min(1 << 16, bytes_max + 1 - len(data)))
        if not part:
            raise ProtocolError("the other end closed the control channel in the middle of a line")
        data += part
        if len(data) > bytes_max:
            raise ProtocolError(f"a message of the control channel exceeds {bytes_max} bytes")
    try:
        value = json.loads(data[: data.index(b"\n")])
    except ValueError as error:
        raise ProtocolError("a message of the control channel is no JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("a message of the control channel is no JSON object")
    return value


def refusal(error: FlowbackupError) -> Message:
    """An error as an answer."""
    findings = error.findings if isinstance(error, GraphError) else ()
    return {
        "ok": False, "kind": type(error).__name__, "text": error.message, "remedy": error.remedy,
        "findings": list(findings),
    }  # fmt: skip


def raise_refusal(answer: Message) -> None:
    """Raises the error that an answer tells of, if it does; its kind if that is one of ours."""
    if answer.get("ok") is True:
        return
    kind = getattr(errors, str(answer.get("kind")), FlowbackupError)
    is_ours = isinstance(kind, type) and issubclass(kind, FlowbackupError)
    error = (kind if is_ours else FlowbackupError)(
        str(answer.get("text", "the session refused without a reason")),
        remedy=str(answer.get("remedy", "")),
    )
    if isinstance(error, GraphError):
        error.findings = tuple(str(finding) for finding in answer.get("findings", ()))
    raise error
