"""Where a passphrase comes from: a file, a command, systemd, or the person at the terminal; never
an argument, which everybody on the machine may read."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

from flowbackup.errors import UsageError, WrongKeyError

FILE = "FLOWBACKUP_PASSPHRASE_FILE"
NEW_FILE = "FLOWBACKUP_NEW_PASSPHRASE_FILE"
"""For a passphrase that is to be added."""
COMMAND = "FLOWBACKUP_PASSPHRASE_COMMAND"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
CREDENTIAL_NAME = "flowbackup-passphrase"
"""As in LoadCredential=flowbackup-passphrase:/etc/flowbackup/passphrase of a systemd unit."""
COMMAND_SECONDS_MAX = 60
PASSPHRASE_BYTES_MAX = 4096


def given_passphrase(
    environment: Mapping[str, str] = os.environ, *, file: str = FILE
) -> bytes | None:
    """The passphrase that the environment tells the way to; None if it does not.  file: another
    variable, which then is the only way.  Raises UsageError where that way leads to none."""
    if place := environment.get(file):
        return _read(place, f"{file} names {place}, which")
    if file != FILE:
        return None
    if command := environment.get(COMMAND):
        return _said(command)
    if folder := environment.get(CREDENTIALS):
        place = os.path.join(folder, CREDENTIAL_NAME)
        if os.path.exists(place):
            return _read(place, f"the credential {place}")
    return None


def asked_passphrase(prompt: str, *, twice: bool = False) -> bytes:
    """What somebody types, unseen.  twice: it is a new one.  Raises WrongKeyError where nobody is
    there, UsageError for two that differ."""
    if not sys.stdin or not sys.stdin.isatty():
        raise WrongKeyError(
            "a passphrase is needed, and nobody is there to be asked",
            remedy=f"name a file with it in {FILE}, or a command that prints it in {COMMAND}",
        )
    typed = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass("once more: ") != typed:
        raise UsageError("the two passphrases differ", remedy="try again")
    return _checked(typed.encode("utf-8", "surrogateescape"), "what was typed")


def _read(place: str, what: str) -> bytes:
    try:
        with open(place, "rb") as file:
            return _checked(file.read(PASSPHRASE_BYTES_MAX + 2), what)
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror}") from error


def _said(command: str) -> bytes:
    """What a command prints; no shell reads it."""
    try:
        done = subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS_MAX, check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{COMMAND} cannot be run: {error}") from error
    if done.returncode:
        raise UsageError(f"{COMMAND} ended with {done.returncode}")
    return _checked(done.stdout, f"what {COMMAND} prints")


def _checked(data: bytes, what: str) -> bytes:
    """The first line, without its end, which editors add and nobody means."""
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line or len(line) > PASSPHRASE_BYTES_MAX:
        raise UsageError(f"{what} holds no passphrase", remedy="write it as the only line")
    return line
