"""Frames back from media: whichever copy is good, and a word about every one that was not."""

from __future__ import annotations

import errno
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import CatalogError, DamageError, DeviceError, NotFoundError
from flowbackup.flow.choice import Choice, choose
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.seal import Content, open_frame
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import HERE, FramePlace
from flowbackup.model.entry import Entry
from flowbackup.model.frame import Codec, FrameHeader
from flowbackup.model.frame_copy import FrameCopy
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.profile import Role, Spent, Work
from flowbackup.model.report import Detour, Explanation, MediumUse
from flowbackup.monitor import Monitor, Problem
from flowbackup.runtime.cancel import Cancel, Word
from flowbackup.runtime.reading.ahead import FramesAhead, Reading
from flowbackup.runtime.reading.known_media import KnownMedia
from flowbackup.runtime.reading.lost_media import lost_medium


class CopyReader:
    """A FrameSource over every medium that the catalog knows, with Foresight: what it knows of
    beforehand it reads ahead, from all media at once.

    Which copy is read first says `flow.choice`; one that fails is reported once per frame, marked
    in the catalog if it is damaged, and the next is taken.  Nothing is believed that does not match
    its digests.  May be used by several threads at once."""

    def __init__(
        self, catalog: Catalog, monitor: Monitor, media: KnownMedia | None = None,
        lost: Collection[bytes] = (), clock: Callable[[], int] = time.time_ns,
        cancel: Cancel | None = None, keys: KeyRing = NO_KEYS,
    ) -> None:  # fmt: skip
        """lost: media that have been replaced, so that nobody needs to hear that they are away.
        cancel: ends what reads from here, by InterruptedSessionError: behind the file that is being
        restored, or behind the frame where that takes longer."""
        self.media = media or KnownMedia(catalog)
        self._catalog = catalog
        self._monitor = monitor
        self._now_ns = clock()
        self._cancel = cancel or Cancel()
        self._keys = keys
        self._ahead = FramesAhead(self._prepared, is_cut=lambda: self._cancel.word is Word.CUT)
        self._lock = threading.Lock()
        self._unreachable_told = set(lost)
        self._frames: Counter[bytes] = Counter()
        self._bytes: Counter[bytes] = Counter()
        self._reasons: Counter[tuple[bytes, str]] = Counter()
        self._detours: list[Detour] = []

    @property
    def bytes_read(self) -> int:
        """Of payloads that were good."""
        return self._bytes.total()

    def following(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """See Foresight."""
        return self._ahead.following(entries)

    def restored(self, count: int) -> None:
        """See Foresight."""
        self._cancel.refuse("all was restored")
        self._ahead.restored(count)

    def kept(self, ref: ChunkRef) -> Content | None:
        """See Foresight."""
        return self._ahead.kept(ref)

    def payload(self, frame: FrameId) -> Content:
        """See FrameSource."""
        return self._ahead.payload(frame)

    def read(self, frame: FrameId) -> tuple[FrameHeader, bytes | memoryview]:
        """Header and sealed payload, from the best copy that is good, kept nowhere.  Raises
        DamageError if all copies that there are were found damaged, DeviceError if some are out of
        reach, NotFoundError if there never was one."""
        return self._read_chosen(frame, self._choose(frame))

    def _read_chosen(
        self, frame: FrameId, choice: Choice
    ) -> tuple[FrameHeader, bytes | memoryview]:
        failures: list[DeviceError] = []
        for copy in choice.order:
            try:
                header, payload = self._read_copy(frame, copy.place)
            except DeviceError as error:
                self._failed(copy, error)
                failures.append(error)
                continue
            self._took(frame, choice, copy.place, len(payload), failures)
            return header, payload
        raise self._nothing_left(frame, choice, failures)

    def try_key(self, frame: FrameId) -> None:
        """Opens a frame if it is sealed, so that a wrong key shows before anything is made.  Raises
        WrongKeyError; whatever else is wrong, reading will tell."""
        with suppress(DeviceError, NotFoundError):
            if self._catalog.header(frame).codec & Codec.SEALED:
                open_frame(*self.read(frame), self._keys)

    def foresee(self, frame: FrameId) -> None:
        """Counts the first choice for a frame as if it had been read.  Raises DeviceError,
        NotFoundError where there is none."""
        choice = self._choose(frame)
        if not choice.order:
            raise self._nothing_left(frame, choice, [])
        size_bytes = self._catalog.header(frame).payload_bytes
        self._took(frame, choice, choice.order[0].place, size_bytes, [])

    def explanation(self) -> Explanation:
        """Every medium that was looked at, and every frame that was not taken from its first
        choice."""
        with self._lock:
            uses = [self._use(medium) for medium in self.media.seen()]
            return Explanation(tuple(uses), tuple(self._detours))

    def spent(self) -> tuple[Spent, ...]:
        """The time for which frames were waited for, and which each medium took to read them."""
        media = [
            Spent(Role.DEVICE, self.media.state(medium).device, Work.READING, seconds)
            for medium, seconds in self._ahead.read_seconds.items()
        ]
        return Spent(Role.CLIENT, HERE, Work.FRAMES, self._ahead.wait_seconds), *media

    def close(self) -> None:
        """Safe to repeat."""
        self._ahead.close()

    def _prepared(self, frame: FrameId) -> Reading:
        choice = self._choose(frame)
        if not choice.order:
            raise self._nothing_left(frame, choice, [])

        def read(medium: bytes) -> Content:
            header, payload = self._read_chosen(frame, choice.led_by(medium))
            return open_frame(header, payload, self._keys).held()

        return Reading(choice.media, self._catalog.header(frame).content_bytes, read)

    def _choose(self, frame: FrameId) -> Choice:
        copies = self._catalog.copies_of_frame(frame)
        media = {copy.place.medium: self.media.state(copy.place.medium) for copy in copies}
        choice = choose(frame.sequence, copies, media, self._now_ns)
        for medium in choice.unreachable:
            self._tell_unreachable(medium)
        return choice

    def _read_copy(
        self, frame: FrameId, place: FramePlace
    ) -> tuple[FrameHeader, bytes | memoryview]:
        header, payload = self.media.reader(place.medium).read(None, place)
        if header.frame_id != frame:
            device = self.media.state(place.medium).device
            raise DamageError(
                f"{self._place_text(place)}: frame {header.frame_id} lies there", device=device
            )
        return header, payload

    def _failed(self, copy: FrameCopy, error: DeviceError) -> None:
        """A segment that is gone from a medium that is there is a damage, too."""
        if not isinstance(error, DamageError):
            if self.media.look_again(copy.place.medium).fault:
                self._tell_unreachable(copy.place.medium)
                return
            if error.errno != errno.ENOENT:
                return
        try:
            self._catalog.mark_damaged(copy.place)
        except CatalogError as failure:
            self._monitor.problem(Problem("catalog", str(failure)))

    def _took(
        self, frame: FrameId, choice: Choice, place: FramePlace, size_bytes: int,
        failures: list[DeviceError],
    ) -> None:  # fmt: skip
        with self._lock:
            self._frames[place.medium] += 1
            self._bytes[place.medium] += size_bytes
            self._reasons[choice.order[0].place.medium, choice.reason] += 1
            if not failures:
                return
            texts = tuple(error.message for error in failures)
            used = self._place_text(place)
            self._detours.append(Detour(str(frame), used, texts))
        for error in failures:
            text = f"frame {frame}: {error.message}; the copy on {used} was used instead"
            self._monitor.problem(Problem("healed", text, device=error.device or None))

    def _nothing_left(
        self, frame: FrameId, choice: Choice, failures: list[DeviceError]
    ) -> DeviceError | NotFoundError:
        away = [self.media.state(medium) for medium in choice.unreachable]
        if not failures and not away:
            return NotFoundError(
                f"no medium that the catalog knows holds frame {frame}",
                remedy="run `flowbackup rebuild` with the device that has it",
            )
        texts = "; ".join((*(f.message for f in failures), *(state.fault for state in away)))
        if not away and all(isinstance(failure, DamageError) for failure in failures):
            return DamageError(
                f"frame {frame} is damaged on every copy: {texts}",
                remedy="run `flowbackup rebuild` with another device that has it, if there is one",
            )
        return DeviceError(
            f"frame {frame} has no good copy within reach: {texts}",
            remedy="connect the device that is missing and try again",
        )

    def _tell_unreachable(self, medium: bytes) -> None:
        with self._lock:
            if medium in self._unreachable_told:
                return
            self._unreachable_told.add(medium)
        text = lost_medium(self._catalog, self.media, medium).text
        device = self.media.state(medium).device
        self._monitor.problem(Problem("unreachable", text, device=device))

    def _place_text(self, place: FramePlace) -> str:
        device = self.media.state(place.medium).device
        return f'device "{device}", segment {place.segment}, offset {place.offset}'

    def _use(self, medium: bytes) -> MediumUse:
        state = self.media.state(medium)
        reasons = ((why, n) for (name, why), n in self._reasons.items() if name == medium)
        return MediumUse(
            device=state.device, medium=id_text(medium), location=state.location, node=state.node,
            fault=state.fault, holder=state.holder,
            verified_ns=self._catalog.verified(medium).oldest_ns,
            frames=self._frames[medium], bytes_read=self._bytes[medium],
            reasons=tuple(sorted(reasons)),
        )  # fmt: skip


@contextmanager
def copy_reader(
    catalog: Catalog,
    monitor: Monitor,
    media: KnownMedia | None = None,
    lost: Collection[bytes] = (),
    cancel: Cancel | None = None,
    keys: KeyRing = NO_KEYS,
) -> Iterator[CopyReader]:
    """A CopyReader that is closed at the end."""
    reader = CopyReader(catalog, monitor, media, lost, cancel=cancel, keys=keys)
    try:
        yield reader
    finally:
        reader.close()
