"""What becomes of an error: a status, and JSON that says what failed and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from flowbackup.errors import (
    DeviceLockedError,
    FlowbackupError,
    GraphError,
    NotFoundError,
    UsageError,
)

STATUS = (
    (GraphError, 422),
    (NotFoundError, 404),
    (UsageError, 400),
    (DeviceLockedError, 409),
)
"""Kinds of errors that say whose fault it is; another one is ours or that of a device."""
FAILED = 500
FAULTS_SHOWN = 5


class Refused(HTTPException):
    """The page's server does not do it.  kind: a stable word.  remedy: one sentence, or ""."""

    def __init__(self, status: int, kind: str, message: str, remedy: str = "") -> None:
        super().__init__(status, message)
        self.kind = kind
        self.remedy = remedy


def body(
    kind: str, message: str, remedy: str = "", findings: Sequence[str] = ()
) -> dict[str, object]:
    """The JSON of every refusal."""
    return {
        "error": {"kind": kind, "message": message, "remedy": remedy, "findings": list(findings)}
    }


def tell_errors(app: FastAPI) -> None:
    """Every error that is expected is answered with JSON of `body`; the Guard sees the others."""
    app.add_exception_handler(FlowbackupError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_a_request)
    app.add_exception_handler(HTTPException, _of_the_server)


async def _of_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FlowbackupError)
    status = next((code for kind, code in STATUS if isinstance(error, kind)), FAILED)
    findings = error.findings if isinstance(error, GraphError) else ()
    kind = type(error).__name__.removesuffix("Error").lower()
    return JSONResponse(body(kind, error.message, error.remedy, findings), status)


async def _of_a_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors()[:FAULTS_SHOWN]
    ]
    return JSONResponse(body("usage", f"the request is wrong: {'; '.join(faults)}"), 400)


async def _of_the_server(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind, remedy = "usage", ""
    if isinstance(error, Refused):
        kind, remedy = error.kind, error.remedy
    message = str(error.detail) or HTTPStatus(error.status_code).phrase
    return JSONResponse(body(kind, message, remedy), error.status_code)
