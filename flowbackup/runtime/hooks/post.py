"""One request to an address that may be a secret: no error says more of it than its host."""

from __future__ import annotations

from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flowbackup.model.hook import host_of, is_address

TRY_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 4096
"""What is read of an answer, which nobody looks at."""
_AGAIN = frozenset({408, 425, 429})
"""Beside those of the server, the answers that may be others the next time."""


class PostError(Exception):
    """A request that was not answered well.  may_retry: the next one may be."""

    def __init__(self, text: str, *, may_retry: bool) -> None:
        super().__init__(text)
        self.may_retry = may_retry


class _SameHost(HTTPRedirectHandler):
    """Follows only to the host that was asked, and never from TLS to none."""

    max_redirections = 3

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        is_weaker = before.scheme == "https" and after.scheme != "https"
        if not is_address(newurl) or before.hostname != after.hostname or is_weaker:
            raise PostError("sends to another host, which is not asked", may_retry=False)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def post(url: str, body: bytes, seconds_max: float = TRY_SECONDS_MAX) -> None:
    """Sends JSON.  seconds_max: for each step of it.  Raises PostError."""
    headers = {"Content-Type": "application/json", "User-Agent": "flowbackup"}
    request = Request(url, data=body, headers=headers, method="POST")
    try:
        with build_opener(_SameHost()).open(request, timeout=seconds_max) as answer:
            answer.read(ANSWER_BYTES_MAX)
    except PostError as error:
        raise PostError(f"{host_of(url)} {error}", may_retry=error.may_retry) from None
    except HTTPError as error:
        error.close()
        may_retry = error.code >= 500 or error.code in _AGAIN
        raise PostError(f"{host_of(url)} answers {error.code}", may_retry=may_retry) from None
    except (OSError, HTTPException, ValueError) as error:
        raise PostError(f"{host_of(url)}: {_reason(error)}", may_retry=True) from None


def _reason(error: Exception) -> str:
    """Without its own text, in which the address may stand."""
    inner = error.reason if isinstance(error, URLError) else error
    text = inner.strerror if isinstance(inner, OSError) else None
    return text or type(inner).__name__
