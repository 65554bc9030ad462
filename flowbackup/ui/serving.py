"""Listening, until a signal comes."""

from __future__ import annotations

import ipaddress
import os
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from flowbackup.errors import UsageError
from flowbackup.ui.access import host_text
from flowbackup.ui.app import make_app
from flowbackup.ui.settings import Settings

END_SECONDS_MAX = 2
"""Streams of events never end by themselves."""


def serve(settings: Settings, listening: Callable[[str], None]) -> None:
    """Returns when a signal has ended it.  listening: called with the address to open, as soon as
    that can be opened.  Raises UsageError where nobody can listen."""
    _ask_nobody()
    with _bound(settings) as bound:
        app = make_app(settings)
        listening(address_of(settings, bound.getsockname()[1]))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=END_SECONDS_MAX, proxy_headers=False,
        )  # fmt: skip
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:
            pass  # That is how it is ended.


def _ask_nobody() -> None:
    """A passphrase comes from the environment: nobody looks at this terminal while he is on the
    page."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def address_of(settings: Settings, port: int) -> str:
    """What is opened.  The token stands behind the #, which no browser sends to anybody."""
    return f"http://{host_text(settings.host)}:{port}/#token={settings.token}"


def show(address: str) -> None:
    """Opens it in the browser of this desktop, if there is one."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def is_near(host: str) -> bool:
    """Can nobody else reach it?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(settings: Settings) -> socket.socket:
    host = settings.host
    if host in ("", "0.0.0.0", "::"):
        raise UsageError(
            f'"{host}" is no name by which a browser asks for this server',
            remedy="name the one address of this machine that is to be used",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, settings.port), family=family)
    except OSError as fault:
        raise UsageError(
            f"nobody can listen on {host_text(host)}:{settings.port}: {fault.strerror}",
            remedy="choose another --port, or 0 for any",
        ) from None
