"""The session's end of the channel: a socket that only its user can reach."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from flowbackup.errors import FlowbackupError, ProtocolError, UsageError
from flowbackup.leaving import taken_away
from flowbackup.runtime.control.message import (
    REQUEST_BYTES_MAX,
    VERBS,
    Message,
    peer_uid,
    receive,
    refusal,
    send,
)
from flowbackup.runtime.control.place import remove_stale, socket_name
from flowbackup.runtime.control.requests import Request
from flowbackup.runtime.user_directory import user_directory

CALLERS_MAX = 8
LISTEN_SECONDS_MAX = 5.0
"""A request is one short line: who needs longer for it is not at the other end any more."""
END_SECONDS_MAX = 2.0

Answer = Callable[[Request], Message]
"""Called in a thread of the channel; raises FlowbackupError for what cannot be done."""


class Channel:
    """Listens as long as it is entered.  path: of its socket, "" where none could be made: a
    session runs without being reachable rather than not at all, and `fault` says why."""

    def __init__(self, session: bytes, answer: Answer) -> None:
        self.path = ""
        self.fault = ""
        self._session = session
        self._answer = answer
        self._socket: socket.socket | None = None
        self._left = ExitStack()
        self._callers = threading.BoundedSemaphore(CALLERS_MAX)
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def __enter__(self) -> Self:
        try:
            directory = user_directory()
            remove_stale(directory)
            name = socket_name(self._session)
            listening = _bound(str(directory), name)
            self.path = str(directory / name)
        except (OSError, FlowbackupError) as error:
            self.fault = f"no control channel: {error}"
            return self
        self._socket = listening
        self._left.enter_context(taken_away(partial(os.unlink, self.path)))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._socket is None:
            return
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self._left.close()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in `accept`
        self._thread.join(END_SECONDS_MAX)
        self._socket.close()

    def _listen(self) -> None:
        assert self._socket is not None
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if not self._callers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="control caller", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                if peer_uid(connection) not in (os.geteuid(), 0):
                    return
                connection.settimeout(LISTEN_SECONDS_MAX)
                send(connection, self._answered(connection))
        except OSError:
            # Who asked has gone; what it asked for was done or not, as `status` shows.
            return
        finally:
            self._callers.release()

    def _answered(self, connection: socket.socket) -> Message:
        try:
            arguments = receive(connection, REQUEST_BYTES_MAX)
            verb = arguments.pop("verb", "")
            if verb not in VERBS:
                known = ", ".join(VERBS)
                raise UsageError(f"a session knows no verb {verb!r}", remedy=f"one of {known}")
            return {"ok": True, **self._answer(Request(verb, arguments))}
        except FlowbackupError as error:
            return refusal(error)
        except TimeoutError:
            return refusal(ProtocolError("no request came"))
        except Exception as error:  # noqa: BLE001  told to who asked; the session goes on
            return refusal(FlowbackupError(f"unexpected {type(error).__name__}: {error}"))


def _bound(directory: str, name: str) -> socket.socket:
    """Reached through a descriptor of its directory: a path in an address has 107 bytes at most."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    holder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listening.bind(f"/proc/self/fd/{holder}/{name}")
        os.chmod(name, 0o600, dir_fd=holder)
        listening.listen(CALLERS_MAX)
    except BaseException:
        listening.close()
        raise
    finally:
        os.close(holder)
    return listening
