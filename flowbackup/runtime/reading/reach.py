"""Media of other nodes, for commands that read: only where the user names a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.reading.known_media import OpenFar


@contextmanager
def far_media_by(address: str, cancel: Cancel) -> Iterator[OpenFar | None]:
    """What opens media of other nodes, with the Ray cluster at `address`; None for "", and then Ray
    is not even imported."""
    if not address:
        yield None
        return
    from flowbackup.runtime.engines.ray_start import ray_engine  # noqa: PLC0415  only with a cluster
    from flowbackup.runtime.reading.far_media import far_media  # noqa: PLC0415

    with ray_engine(address, cancel) as engine, far_media(engine) as far:
        yield far
