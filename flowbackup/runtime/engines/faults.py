"""What went wrong with a call, in the words of errors.py: whose fault it was."""

from __future__ import annotations

from flowbackup.errors import FlowbackupError, PeerDiedError, PeerLostError
from flowbackup.runtime.engines.port import ActorDiedError, CallFailedError, CallLateError


def as_ours(error: BaseException, peer: str) -> FlowbackupError:
    """The error behind a failed call to `peer`: what it raised, or that it is gone."""
    cause = error.cause if isinstance(error, CallFailedError) else error
    if isinstance(cause, FlowbackupError):
        return cause
    if isinstance(cause, CallLateError):
        return PeerLostError(f"{peer} did not answer in time")
    if isinstance(cause, ActorDiedError):
        return PeerDiedError(f"{peer} died: {cause}")
    return PeerLostError(f"{peer} failed unexpectedly: {cause!r}")
