"""Who may ask: only who has the token, from this page, by the name of this machine.

Three walls, since a browser carries requests of strangers: the Host must be one of ours (another
name that leads here is a rebound one), the Origin, where there is one, must be this page, and every
request of the api brings the token in a header, which no foreign page can set.  There are no
cookies.  Ways that change something are POST, PUT and DELETE, with JSON.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowbackup.ui.refusal import FAILED, Refused, body
from flowbackup.ui.settings import LOOPBACK, Settings

API = "/api/"
ONE_TIME = "/api/download/once/"
"""A browser that downloads sends no header: the path itself is the secret, once and for seconds."""
log = logging.getLogger("flowbackup.ui")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::(\d{1,5}))?")
_LOOPBACK_NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})
_CHANGING = frozenset({"POST", "PUT", "DELETE"})
_ASKING = frozenset({"GET", "HEAD"})

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""On every answer, be it a refusal; an answer may say better how long it is kept."""


def names_of(settings: Settings) -> frozenset[str]:
    """The names by which this server may be asked for."""
    return _LOOPBACK_NAMES | {host_text(settings.host).lower()}


def host_text(host: str) -> str:
    """As it stands in addresses."""
    return f"[{host}]" if ":" in host else host


def refusal(
    method: str, path: str, headers: Mapping[str, str], names: frozenset[str], token: str
) -> Refused | None:
    """Why a request is not answered; None if it is.  headers: by names in small letters."""
    host = headers.get("host", "")
    match = _HOST.fullmatch(host)
    if match is None or match[1].lower() not in names:
        return Refused(
            403, "host", "this server is not asked for by that name",
            "open the address that flowbackup ui has printed",
        )  # fmt: skip
    if method not in _CHANGING | _ASKING:
        return Refused(405, "usage", f"{method} is not used here")
    if not path.startswith(API):
        return None if method in _ASKING else Refused(405, "usage", "this is a page")
    if _is_foreign(headers, host):
        return Refused(403, "origin", "another page may not ask this server")
    if path.startswith(ONE_TIME) and method == "GET":
        return None
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(given.encode(), token.encode()):
        return Refused(
            401, "token", "the token is missing or wrong",
            "open the whole address that flowbackup ui has printed",
        )  # fmt: skip
    if method in _CHANGING and not _is_json(headers):
        return Refused(415, "usage", "only JSON is understood")
    return None


def _is_foreign(headers: Mapping[str, str], host: str) -> bool:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return True
    return site not in ("none", "same-origin")


def _is_json(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (not kind and headers.get("content-length", "0") == "0")


class Guard:
    """Stands in front of everything else, and behind what nobody expected."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._names = names_of(settings)
        self._token = settings.token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # There are no web sockets here.
            await send({"type": "websocket.close", "code": 1008})
            return

        has_begun = False

        async def with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        said = _headers(scope)
        refused = refusal(scope["method"], scope["path"], said, self._names, self._token)
        if refused is not None:
            answer = body(refused.kind, str(refused.detail), refused.remedy)
            await JSONResponse(answer, refused.status_code)(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as fault:
            if has_begun:
                raise  # The answer breaks off, and the browser tells.
            log.error("unexpected %s", type(fault).__name__, exc_info=fault)
            answer = body("unexpected", f"unexpected {type(fault).__name__}")
            await JSONResponse(answer, FAILED)(scope, receive, with_headers)


def _headers(scope: Scope) -> dict[str, str]:
    """What is said twice is joined, and so is no value that is looked for."""
    headers = Headers(scope=scope)
    return {name.lower(): ", ".join(headers.getlist(name)) for name in headers}
