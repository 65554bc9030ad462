"""A real server that speaks S3: SeaweedFS, whose program comes in a package of PyPI.

It runs on this machine, for one run of the tests, with two users: one who may write, one who may
only read.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.s3.signed import ask

START_SECONDS_MAX = 150.0
BUCKET = "media"
WRITER = ("writer-key", "the writer's secret, which nobody may see")
READER = ("reader-key", "the reader's secret, which nobody may see")


@dataclass
class Server:
    """endpoint: http://host:port.  process: the server itself.  claims: see `_claimed_ports`."""

    endpoint: str
    process: subprocess.Popen[bytes]
    claims: ExitStack

    def close(self) -> None:
        """An orderly end would take a quarter of a minute, for data that nobody wants."""
        self.process.kill()
        self.process.wait()
        self.claims.close()


def program() -> str | None:
    """The server's program, beside the Python that runs the tests or on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def start(weed: str, folder: Path) -> Server:
    """Returns when it takes requests and has its bucket."""
    config = folder / "identities.json"
    config.write_text(json.dumps({"identities": [
        _identity("writer", WRITER, ["Read", "Write", "List", "Tagging", "Admin"]),
        _identity("reader", READER, ["Read", "List"]),
    ]}))  # fmt: skip
    claims = ExitStack()
    master, volume, filer, s3 = _claimed_ports(4, claims)
    data = folder / "data"
    data.mkdir()
    log = open(folder / "log", "wb")  # noqa: SIM115  the process keeps it
    process = subprocess.Popen(
        [weed, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
         f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
         "-master.volumeSizeLimitMB=64", "-volume.max=50", "-volume.preStopSeconds=0",
         "-s3", f"-s3.port={s3}", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}"],
        stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    log.close()
    server = Server(f"http://127.0.0.1:{s3}", process, claims)
    try:
        _until(lambda: _has_bucket(server))
    except BaseException:
        server.close()
        raise
    return server


def _identity(name: str, keys: tuple[str, str], actions: list[str]) -> dict[str, object]:
    credentials = [{"accessKey": keys[0], "secretKey": keys[1]}]
    return {"name": name, "credentials": credentials, "actions": actions}


def _claimed_ports(count: int, claims: ExitStack) -> list[int]:
    """Ports that are free with their partners for gRPC, 10000 higher.  Between those of Ray's
    workers and those that the system gives to who asks for any, so that no other test takes one
    before the server does; and claimed by names of this machine, so that no second run of these
    tests does either."""
    found: list[int] = []
    with ExitStack() as taken:
        while len(found) < count:
            port = random.SystemRandom().randrange(20_000, 22_700)
            try:
                claim = claims.enter_context(socket.socket(socket.AF_UNIX))
                claim.bind(f"\0flowbackup-test-port-{port}")
                for number in (port, port + 10_000):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", number))
            except OSError:
                continue
            found.append(port)
    return found


def _has_bucket(server: Server) -> bool:
    """Makes it; it is there (409) where the answer to an earlier request came too late."""
    try:
        return ask("PUT", f"{server.endpoint}/{BUCKET}", keys=WRITER)[0] in (200, 409)
    except OSError:
        return False


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("the server of the tests does not start")
        time.sleep(0.1)
