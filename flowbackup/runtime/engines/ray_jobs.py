"""Ray's job server: runs a command on the head of a cluster.  Needs ray[default]."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

from ray.job_submission import JobStatus, JobSubmissionClient

from flowbackup.errors import PeerLostError, UsageError
from flowbackup.runtime.engines.ray_trust import refuse_open_address

STOP_SECONDS = 15
"""A session ends in three seconds, hooks and notices behind it in five more; Ray's own 3 s are too
few for that."""
LOOK_SECONDS = 0.5
TALKERS = (
    "dashboard.modules.dashboard_sdk", "dashboard.modules.job.sdk",
    "_private.runtime_env.packaging",
)  # fmt: skip
SUBMIT_SECONDS_MAX = 30.0
NOT_YET = "No available agent"
"""What a head says that has just been started."""
TRIES = 5
"""A log that breaks off is asked for again, from its beginning."""


class JobEnd(NamedTuple):
    """state: as Ray calls it.  exit_code: None where there is none, as behind a stop."""

    state: str
    exit_code: int | None
    text: str


class JobServer:
    """At one address, as http://head:8265."""

    def __init__(self, address: str) -> None:
        """Raises UsageError, PeerLostError."""
        refuse_open_address(address)
        # It tells of its own doings on standard error.
        for name in TALKERS:
            logging.getLogger(f"ray.{name}").setLevel(logging.WARNING)
        try:
            self._client = JobSubmissionClient(address)
        except RuntimeError as error:
            if "ray[default]" in str(error):
                raise UsageError(
                    "Ray's job server needs more of Ray than is installed",
                    remedy="pip install 'flowbackup[jobs]'",
                ) from error
            raise _lost(address, error) from error
        except (ConnectionError, ValueError) as error:
            raise _lost(address, error) from error
        self._address = address

    def submit(self, job: str, command: str, folder: Path) -> None:
        """job: its id, which no other has.  folder: what stands in it is beside the command."""
        environment = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
        latest = time.monotonic() + SUBMIT_SECONDS_MAX
        while True:
            try:
                self._client.submit_job(
                    entrypoint=command, submission_id=job,
                    runtime_env={"working_dir": str(folder), "env_vars": environment},
                )  # fmt: skip
                return
            except RuntimeError as error:
                if NOT_YET not in str(error) or time.monotonic() > latest:
                    raise _lost(self._address, error) from error
            time.sleep(LOOK_SECONDS)

    def stop(self, job: str) -> None:
        """Raises UsageError for one that is not there."""
        try:
            self._client.stop_job(job)
        except RuntimeError as error:
            raise UsageError(f"job {job} cannot be stopped: {error}") from error

    def end(self, job: str) -> JobEnd | None:
        """None while it is not over."""
        info = self._client.get_job_info(job)
        state = JobStatus(info.status)
        if not state.is_terminal():
            return None
        return JobEnd(state.value, info.driver_exit_code, info.message or "")

    def follow(self, job: str, hear: Callable[[str], None], look: Callable[[], None]) -> JobEnd:
        """Gives what the job writes to `hear`, line by line, until it is over.  look: called twice
        a second; what it raises is raised here.  Raises PeerLostError."""
        return asyncio.run(self._follow(job, hear, look))

    async def _follow(
        self, job: str, hear: Callable[[str], None], look: Callable[[], None]
    ) -> JobEnd:  # fmt: skip
        heard = 0
        for _ in range(TRIES):
            lines = _Lines(hear, heard)
            try:
                await _hear_all(self._client.tail_job_logs(job), lines, look)
                end = self.end(job)
            except (RuntimeError, OSError) as error:
                lost: Exception = error
            else:
                if end is not None:
                    lines.finish()
                    return end
                lost = RuntimeError("its log ended before it did")
            heard = lines.characters
            await asyncio.sleep(LOOK_SECONDS)
        raise _lost(self._address, lost) from lost


class _Lines:
    """Whole lines of a text that comes in pieces, from behind so many characters."""

    def __init__(self, hear: Callable[[str], None], skipped: int) -> None:
        self._hear = hear
        self._skipped = skipped
        self._open = ""
        self.characters = 0

    def add(self, text: str) -> None:
        before, self.characters = self.characters, self.characters + len(text)
        *whole, self._open = (self._open + text[max(0, self._skipped - before) :]).split("\n")
        for line in whole:
            self._hear(line)

    def finish(self) -> None:
        if self._open:
            self._hear(self._open)


async def _hear_all(
    pieces: AsyncIterator[str], lines: _Lines, look: Callable[[], None]
) -> None:  # fmt: skip
    waiting: asyncio.Future[str] | None = None
    try:
        while True:
            if waiting is None:
                waiting = asyncio.ensure_future(anext(pieces))
            await asyncio.wait((waiting,), timeout=LOOK_SECONDS)
            look()
            if waiting.done():
                done, waiting = waiting, None
                lines.add(await done)
    except StopAsyncIteration:
        return
    finally:
        if waiting is not None:
            waiting.cancel()


def _lost(address: str, error: Exception) -> PeerLostError:
    return PeerLostError(
        f"the job server at {address} does not do it: {str(error).strip()[:2000]}",
        remedy="start the head with `ray start --head --include-dashboard=true`, of ray[default]",
    )
