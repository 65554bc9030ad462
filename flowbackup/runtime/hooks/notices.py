"""Telling others how a session goes: in threads, with a bound, and without any harm to it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from flowbackup.flow.hooks import healthchecks_path, notices_of
from flowbackup.model.hook import ADDRESS_CHARACTERS_MAX, OUTCOME_MARK, Notice, is_address
from flowbackup.monitor import Problem
from flowbackup.runtime.hooks.post import TRY_SECONDS_MAX, PostError, post
from flowbackup.source.command import LOOK_SECONDS, Stopped

KIND = "notice_failed"
TRIES = 3
PAUSE_SECONDS = (0.5, 2.0)
"""Between two tries."""
SECONDS_MAX = TRIES * TRY_SECONDS_MAX + sum(PAUSE_SECONDS)
"""A server that gives its answer drop by drop is waited for no longer."""
BODY_BYTES_MAX = 64 * 1024
"""Services keep no more of it; what is longer loses all but the first items of its lists."""
ITEMS_MAX = 20
HEALTHCHECKS = "healthchecks"

Post = Callable[[str, bytes], None]


class Notices:
    """Those of one graph.  `send` returns at once, `settle` waits for what was sent."""

    def __init__(self, notices: Iterable[Notice], stopped: Stopped, send: Post = post) -> None:
        """stopped: whether it is to be waited no longer."""
        self._notices = tuple(notices)
        self._stopped = stopped
        self._post = send
        self._running: list[tuple[Notice, str, threading.Thread]] = []
        self._faults: dict[tuple[int, str], str] = {}

    def send(self, event: str, fields: Mapping[str, object]) -> None:
        """event: start or an outcome.  fields: what is told of it."""
        body = body_of(fields)
        for notice in notices_of(self._notices, event):
            thread = threading.Thread(
                target=self._deliver, args=(notice, event, body), name=str(notice), daemon=True
            )
            thread.start()
            self._running.append((notice, event, thread))

    def settle(self) -> list[Problem]:
        """Until everything has arrived or been given up; what did not arrive."""
        latest = time.monotonic() + SECONDS_MAX
        for notice, event, thread in self._running:
            while thread.is_alive() and not self._stopped() and time.monotonic() < latest:
                thread.join(LOOK_SECONDS)
            if thread.is_alive():
                self._faults.setdefault((notice.number, event), "it was not waited for any longer")
        told = [
            Problem(KIND, f"{notice} of {event}: {self._faults.pop((notice.number, event))}")
            for notice, event, _ in self._running
            if (notice.number, event) in self._faults
        ]
        self._running.clear()
        return told

    def _deliver(self, notice: Notice, event: str, body: bytes) -> None:
        try:
            url = address_of(notice, event)
        except ValueError as error:
            self._faults[notice.number, event] = str(error)
            return
        for pause in (*PAUSE_SECONDS, 0.0):
            try:
                self._post(url, body)
            except PostError as error:
                self._faults[notice.number, event] = str(error)
                if not error.may_retry or self._stopped():
                    return
                time.sleep(pause)
            else:
                self._faults.pop((notice.number, event), None)
                return


def address_of(notice: Notice, event: str) -> str:
    """Where it goes for an event.  Raises ValueError, whose text shows nothing of it."""
    url = notice.url or _kept(notice)
    url = url.replace(OUTCOME_MARK, event)
    if not is_address(url):
        raise ValueError("holds no address of the web, or one with a name or password in it")
    if notice.style != HEALTHCHECKS:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=healthchecks_path(parts.path, event)))


def _kept(notice: Notice) -> str:
    """What stands in a variable or file."""
    if notice.variable:
        if not (url := os.environ.get(notice.variable, "").strip()):
            raise ValueError("the variable is not set")
        return url
    try:
        with open(notice.file, encoding="ascii") as file:
            return file.read(ADDRESS_CHARACTERS_MAX + 2).strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("holds no address of the web") from None


def body_of(fields: Mapping[str, object]) -> bytes:
    """As JSON, short enough for services that take it."""
    rest = {key: value for key, value in fields.items() if not isinstance(value, list)}
    for told in (fields, _shortened(fields), _shortened(rest)):
        body = json.dumps(told).encode()
        if len(body) <= BODY_BYTES_MAX:
            break
    return body


def _shortened(fields: Mapping[str, object]) -> dict[str, object]:
    kept: dict[str, object] = {"is_shortened": True}
    for key, value in fields.items():
        if isinstance(value, list):
            kept[key] = [_shortened(i) if isinstance(i, dict) else i for i in value[:ITEMS_MAX]]
        else:
            kept[key] = value[: BODY_BYTES_MAX // 64] if isinstance(value, str) else value
    return kept
