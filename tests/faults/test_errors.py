"""Target F2: each call of each stage of a session fails, once or for ever, with every error.

What holds then: the right result, or a message that names device and error; what the device had
acknowledged is on it, and nothing that is wrong; the other stages have everything.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.segments import segment
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.media.segments.segment import SegmentWriter
from flowbackup.testing.faulty_calls import Fault
from tests.faults.error_cases import ErrorCase, ErrorCases, cases_of
from tests.faults.parallel import in_folder, shared_out
from tests.faults.pipeline import STAGES
from tests.targets import Target

SEED = 1
PARTS = 4
"""So that none takes minutes on a slow machine."""
TEXT = "right result, or device and error named; 0 acknowledged frames lost; others complete"

Check = Callable[[Path, Sequence[ErrorCase]], float]


@pytest.fixture(scope="module")
def made() -> list[list[str]]:
    """The calls of each stage in a session in which nothing happens."""
    return in_folder(lambda folder, _: ErrorCases(folder).calls(), [])


def check(folder: Path, cases: Sequence[ErrorCase], *, threads: bool = False) -> float:
    tried = ErrorCases(folder, threads=threads)
    for case in cases:
        tried.check(case)
    return tried.longest_seconds


check_with_threads = partial(check, threads=True)


def sample(count: int, made: list[list[str]]) -> list[ErrorCase]:
    """The same in every run."""
    all_cases = [case for stage in range(len(STAGES)) for case in cases_of(stage, made[stage])]
    return Random(SEED).sample(all_cases, count)


@pytest.mark.parametrize(("count", "how"), [(90, check), (15, check_with_threads)])
def test_some_errors(count: int, how: Check, made: list[list[str]], target: Target) -> None:
    longest = in_folder(how, sample(count, made))
    target("F2", cases=count, text=TEXT, longest_seconds=longest)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("stage", range(len(STAGES)))
@pytest.mark.parametrize("how", [check, check_with_threads], ids=["at once", "in threads"])
def test_every_error(
    how: Check, stage: int, part: int, made: list[list[str]], target: Target
) -> None:
    cases = list(cases_of(stage, made[stage]))[part::PARTS]
    longest = max(shared_out(how, cases))
    target("F2", cases=len(cases), text=TEXT, longest_seconds=longest)


# Writers that are wrong.  Each must be caught, or the cases show nothing.


def swallows_what_a_sync_says(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = RecordFile.sync

    def quiet(file: RecordFile) -> None:
        with suppress(OSError):
            sync(file)

    monkeypatch.setattr(RecordFile, "sync", quiet)


def forgets_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segment, "device_error", lambda device, what, error: device_error("", what, error)
    )


def goes_on_behind_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SegmentWriter, "_check_usable", lambda writer: None)


@pytest.mark.parametrize(
    ("breaks", "verb"),
    [
        (swallows_what_a_sync_says, "fdatasync"),
        (forgets_who_it_is, "fsync"),
        (goes_on_behind_a_failure, "pwritev"),
    ],
)
def test_a_wrong_writer_is_caught(
    breaks: Callable[[pytest.MonkeyPatch], None], verb: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    cases = ErrorCases(tmp_path)
    breaks(monkeypatch)
    with pytest.raises((AssertionError, DeviceError)) as caught:
        for nth in range(1, 20):
            # An error behind which no second segment is tried.
            cases.check(ErrorCase(1, Fault(nth, errno.EROFS, verb)))
    assert caught.value.__notes__[-1].startswith("case: ErrorCase(stage=1")
