"""A server that remembers what it was told, and answers as it is asked to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listening:
    """answers: path -> codes, the next one for each request, 200 behind the last; a text instead of
    a code is where it is sent to."""

    def __init__(self, answers: dict[str, list[int | str]]) -> None:
        self.answers = answers
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.speaks = threading.Event()
        """Nothing is answered while it is clear."""
        self.speaks.set()
        self.url = ""

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.told]


@contextmanager
def listening(**answers: list[int | str]) -> Iterator[Listening]:
    """On loopback; answers by the last part of a path."""
    state = Listening({f"/{name}": codes for name, codes in answers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            state.told.append((self.path, json.loads(self.rfile.read(length))))
            self._answer()

        def do_GET(self) -> None:
            state.told.append((self.path, {}))
            self._answer()

        def _answer(self) -> None:
            state.speaks.wait(60)
            codes = state.answers.get(self.path.partition("?")[0], [])
            code = codes.pop(0) if codes else 200
            self.send_response(code if isinstance(code, int) else 302)
            if isinstance(code, str):
                self.send_header("Location", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
