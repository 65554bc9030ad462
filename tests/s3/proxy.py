"""A proxy in this process, before the server: it hands requests on, and breaks those it is told to.

It changes nothing of what it hands on, so signatures stay good.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BODY = "<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"


@dataclass(frozen=True)
class Request:
    """What can be seen of one.  query: its names."""

    method: str
    key: str
    query: frozenset[str]
    size_bytes: int
    is_conditional: bool

    @property
    def is_part(self) -> bool:
        return self.method == "PUT" and "partNumber" in self.query

    @property
    def is_end_of_parts(self) -> bool:
        return self.method == "POST" and "uploadId" in self.query


@dataclass(frozen=True)
class Break:
    """status, code: the answer instead of that of the server.  cut: the connection ends, "before"
    the request is handed on, in the middle of its "body", or when its "answer" is due.  wait: so
    many seconds before anything else.  short: the answer is cut off in the middle.  late: the
    status takes the place of the answer when the server has done what it was asked for."""

    status: int = 0
    code: str = ""
    cut: str = ""
    wait: float = 0.0
    short: bool = False
    late: bool = False


@dataclass
class Proxy:
    """breaks: asked for each request; the first `times` of those for which it gives a Break are
    broken.  seen: all requests."""

    endpoint: str
    seen: list[Request] = field(default_factory=list)
    breaks: Callable[[Request], Break | None] = lambda request: None
    times: int = 10**9
    broken: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    def break_at(self, how: Break, when: Callable[[Request], bool], times: int = 10**9) -> None:
        self.breaks = lambda request: how if when(request) else None
        self.times, self.broken = times, 0

    def broken_now(self, request: Request) -> Break | None:
        with self.counting:
            self.seen.append(request)
            how = self.breaks(request)
            if how is None or self.broken >= self.times:
                return None
            self.broken += 1
            return how


@contextmanager
def proxy_before(server: str) -> Iterator[Proxy]:
    """server: its endpoint."""
    target = urlsplit(server).netloc
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listening.daemon_threads = True
    proxy = Proxy(f"http://127.0.0.1:{listening.server_address[1]}")
    listening.target, listening.proxy = target, proxy  # type: ignore[attr-defined]
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Nothing is told."""

    def _any(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        size = int(self.headers.get("content-length") or 0)
        names = frozenset(parse_qs(parts.query, keep_blank_values=True))
        conditional = "if-none-match" in self.headers or "if-match" in self.headers
        request = Request(self.command, parts.path, names, size, conditional)
        how = proxy.broken_now(request) or Break()
        if how.wait:
            time.sleep(how.wait)
        if how.cut == "body":
            self.rfile.read(size // 2)
        if how.cut in ("before", "body"):
            self._cut()
            return
        body = self.rfile.read(size)
        if how.status and how.late:
            self._handed_on(body)
        if how.status:
            text = BODY.format(code=how.code).encode()
            self._answer(how.status, [("content-type", "application/xml")], text)
            return
        status, headers, data = self._handed_on(body)
        if how.cut == "answer":
            self._cut()
            return
        self._answer(status, headers, data, is_short=how.short)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _any

    def _handed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=60)  # type: ignore[attr-defined]
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, *, is_short: bool = False
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        size = next((v for n, v in headers if n.lower() == "content-length"), str(len(data)))
        self.send_header("content-length", size if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if is_short else data)
        if is_short:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()
