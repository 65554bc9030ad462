"""Frames back from media: whichever copy is good, and a word about every one that was not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DamageError, DeviceError, NotFoundError
from flowbackup.frame.seal import open_frame
from flowbackup.media.open import open_device
from flowbackup.media.port import FrameReader
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.ids import FrameId, id_text
from flowbackup.monitor import Monitor, Problem

FRAMES_KEPT = 6
"""Entries come in the order in which they were written, so a restore seldom looks back further
than the frames that a hard link or a shared manifest page needs."""


class CopyReader:
    """A FrameSource over every medium that the catalog knows.  Reads one frame ahead.

    Copies are tried in the order of the media's places; one that fails is reported once per frame
    and the next is taken.  Nothing is believed that does not match its digests."""

    def __init__(self, catalog: Catalog, monitor: Monitor) -> None:
        self._catalog = catalog
        self._monitor = monitor
        self._readers: dict[str, FrameReader | DeviceError] = {}
        self._opened: OrderedDict[FrameId, Future[memoryview]] = OrderedDict()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self.healed = 0
        self.bytes_read = 0

    def payload(self, frame: FrameId) -> memoryview:
        """See FrameSource."""
        future = self._opened.get(frame) or self._begin(frame)
        self._opened.move_to_end(frame)
        following = frame._replace(sequence=frame.sequence + 1)
        if following not in self._opened and self._catalog.places(following):
            self._begin(following)
            self._opened.move_to_end(frame)
        return future.result()

    def close(self) -> None:
        """Safe to repeat."""
        self._ahead.shutdown(cancel_futures=True)
        self._opened.clear()

    def _begin(self, frame: FrameId) -> Future[memoryview]:
        places = self._catalog.places(frame)
        future = self._ahead.submit(self._read, frame, places)
        self._opened[frame] = future
        while len(self._opened) > FRAMES_KEPT:
            self._opened.popitem(last=False)
        return future

    def _read(self, frame: FrameId, places: list[tuple[MediumInfo, FramePlace]]) -> memoryview:
        if not places:
            raise NotFoundError(
                f"no medium that the catalog knows holds frame {frame}",
                remedy="connect the missing device, or rebuild the catalog from the media",
            )
        failures: list[str] = []
        for info, place in places:
            try:
                content = self._read_copy(frame, info, place)
                self.bytes_read += len(content)
            except DeviceError as error:
                failures.append(str(error))
                continue
            self._report(frame, failures)
            return content
        raise DamageError(
            f"frame {frame} is damaged or out of reach on every copy: {'; '.join(failures)}",
            remedy="connect another device of its chain and try again",
        )

    def _read_copy(self, frame: FrameId, info: MediumInfo, place: FramePlace) -> memoryview:
        header, payload = self._reader(info).read(None, place)
        if header.frame_id != frame:
            raise DamageError(
                f"{info.device}: frame {header.frame_id} lies where {frame} should be",
                device=info.device,
            )
        return open_frame(header, payload).content

    def _reader(self, info: MediumInfo) -> FrameReader:
        known = self._readers.get(info.location)
        if known is None:
            known = self._readers[info.location] = _open_reader(info)
        if isinstance(known, DeviceError):
            raise known
        return known

    def _report(self, frame: FrameId, failures: list[str]) -> None:
        if failures:
            self.healed += 1
            for text in failures:
                self._monitor.problem(Problem("healed", f"another copy was used: {text}"))


@contextmanager
def copy_reader(catalog: Catalog, monitor: Monitor) -> Iterator[CopyReader]:
    """A CopyReader that is closed at the end."""
    reader = CopyReader(catalog, monitor)
    try:
        yield reader
    finally:
        reader.close()


def _open_reader(info: MediumInfo) -> FrameReader | DeviceError:
    """A device that is not there is remembered as such, and is not asked for every frame again."""
    target = DeviceTarget(info.device, "directory", info.location, info.block_bytes)
    try:
        device = open_device(target)
        found = device.info()
        if found.medium != info.medium:
            raise DeviceError(
                f"{info.location} holds medium {id_text(found.medium)}, "
                f"expected {id_text(info.medium)}",
                remedy="connect the right medium there",
                device=info.device,
            )
        return device.reader()
    except DeviceError as error:
        return error
