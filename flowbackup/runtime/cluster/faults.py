"""Ray's exceptions as ours: whose fault it was, in the words of errors.py."""

from __future__ import annotations

import ray.exceptions

from flowbackup.errors import FlowbackupError, PeerDiedError, PeerLostError


def as_ours(error: BaseException, peer: str) -> FlowbackupError:
    """The error behind a failed call to `peer`: what it raised, or that it is gone."""
    if isinstance(error, ray.exceptions.RayTaskError):
        cause = getattr(error, "cause", None)
        if isinstance(cause, FlowbackupError):
            return cause
        return PeerLostError(f"{peer} failed unexpectedly: {cause!r}")
    if isinstance(error, FlowbackupError):
        return error
    if isinstance(error, ray.exceptions.GetTimeoutError):
        return PeerLostError(f"{peer} did not answer in time")
    if isinstance(error, ray.exceptions.RayError):
        return PeerDiedError(f"{peer} died: {type(error).__name__}")
    return PeerLostError(f"{peer} failed unexpectedly: {error!r}")
