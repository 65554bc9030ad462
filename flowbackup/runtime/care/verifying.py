"""Verify: media read whole or in part, each on its node, and every damage told with the objects
and paths it hits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from fractions import Fraction

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import NotFoundError, UsageError
from flowbackup.media.checks.medium_verifier import MediumVerifier
from flowbackup.media.open import open_device
from flowbackup.model.device import MediumInfo
from flowbackup.model.location import TAPE, kind_at
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.tape_place import tape_place
from flowbackup.monitor import Monitor
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.verify_progress import VerifyProgress
from flowbackup.runtime.care.verify_turn import Verifier, VerifyTurn
from flowbackup.runtime.reading.known_media import target_of
from flowbackup.runtime.reading.local_session import ENGINE, LocalSession
from flowbackup.runtime.reading.named_media import media_named, newest_of_places

WHOLE = Fraction(1)
LOOK_SECONDS = 0.1
"""How often who waits for the readers looks whether he is to end."""
OpenVerifier = Callable[[MediumInfo], Verifier]
"""Raises FlowbackupError for a medium that cannot be read."""


def media_to_verify(catalog: Catalog, names: Sequence[str]) -> list[MediumInfo]:
    """The media of these devices (names or locations), by default all that are known.  Raises
    NotFoundError for a name that means none."""
    media = catalog.media()
    if not media:
        raise NotFoundError(
            "the catalog knows no medium", remedy="make a backup first, or name its catalog"
        )
    return media_named(newest_of_places(media), names) if names else media


def refuse_far(media: Iterable[MediumInfo]) -> None:
    """Raises UsageError naming each device that is on another node."""
    far = [f'"{info.device}" is on node {info.node}' for info in media if not info.is_near]
    if far:
        raise UsageError(
            f"device {', device '.join(far)}, and not on this machine",
            remedy="give the --address of the Ray cluster, or name the devices of this machine",
        )


def run_verify(
    catalog: Catalog,
    media: Sequence[MediumInfo],
    share: Fraction,
    monitor: Monitor,
    open_far: OpenVerifier | None = None,
    engine: str = ENGINE,
    cancel: Cancel | None = None,
) -> SessionReport:
    """Verifies that share of each medium which waits longest for it, or all.  open_far: for media
    on other nodes, run by `engine`.  Damage makes the outcome failed.  cancel: ends it behind the
    stretches that are being read; those before them count.  Raises InterruptedSessionError."""
    openers = [open_near if info.is_near or open_far is None else open_far for info in media]
    session = LocalSession(
        catalog,
        "verify",
        ", ".join(info.device for info in media),
        monitor,
        engine,
        cancel=cancel,
    )
    stop = threading.Event()
    progress = VerifyProgress(session, media)
    turns = [
        VerifyTurn(catalog, session, info, share, opener, progress, stop)
        for info, opener in zip(media, openers, strict=True)
    ]
    try:
        _take_all(turns, stop, session.cancel)
        if any(turn.is_cut_off for turn in turns):
            session.cancel.refuse("everything was read; what was read counts")
    except BaseException:
        session.finish(Outcome.FAILED, devices=[turn.report() for turn in turns])
        raise
    return session.finish(
        Outcome.SUCCESS if all(turn.is_sound for turn in turns) else Outcome.FAILED,
        bytes_read=sum(turn.bytes_read for turn in turns),
        devices=[turn.report() for turn in turns],
    )


def open_near(info: MediumInfo) -> Verifier:
    """Reads a medium in this process.  Raises DeviceError."""
    return MediumVerifier(open_device(target_of(info)))


def _take_all(turns: Sequence[VerifyTurn], stop: threading.Event, cancel: Cancel) -> None:
    """Media of different disks at the same time, those of one disk one after the other: two readers
    would only make its head go to and fro."""
    lanes: dict[object, list[VerifyTurn]] = {}
    for turn in turns:
        lanes.setdefault(_disk(turn.info), []).append(turn)
    with ThreadPoolExecutor(len(lanes), thread_name_prefix="verify") as threads:
        try:
            running = {threads.submit(_take, lane) for lane in lanes.values()}
            while running:
                done, running = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
                for each in done:
                    each.result(0)
                if cancel.is_told:
                    stop.set()
        except BaseException:
            # Each thread ends with the stretch that it reads.
            stop.set()
            raise


def _take(lane: Sequence[VerifyTurn]) -> None:
    for turn in lane:
        turn.take()


def _disk(info: MediumInfo) -> object:
    """What media on one disk have in common, as far as it can be seen from here."""
    if not info.is_near:
        return info.medium
    if kind_at(info.location) == TAPE:
        return tape_place(info.location).drive
    try:
        return os.stat(info.location).st_dev
    except OSError:
        return info.medium
