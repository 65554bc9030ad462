"""Ray with TLS as cluster/README.md says, its own lines: a session over nodes, and who gets in."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray
import ray.util

from flowbackup.testing.compare import differences
from tests.runtime.test_cluster import written
from tests.schedule.programs import needed

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
RUN_SECONDS_MAX = 240
ANSWER_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Protected:
    """addresses: of the head's service, then of all that each node listens at.  environment: of who
    uses them.  tls: the directory of the certificates."""

    addresses: list[str]
    environment: dict[str, str]
    tls: Path

    def flowbackup(self, *words: str | Path) -> str:
        command = ["-c", "from flowbackup.cli.main import main; main()", *map(str, words)]
        done = subprocess.run(
            [sys.executable, *command, "--address", self.addresses[0]], capture_output=True,
            text=True, timeout=RUN_SECONDS_MAX, env=self.environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        return done.stdout

    def greeting(self, address: str, *, certified: bool) -> bytes:
        """What a listener says first to who knows its authority, and has a certificate or none."""
        context = ssl.create_default_context(cafile=self.tls / "ca.crt")
        context.set_alpn_protocols(["h2"])
        if certified:
            context.load_cert_chain(self.tls / "node.crt", self.tls / "node.key")
        host, port = address.rsplit(":", 1)
        with (
            socket.create_connection((host, int(port)), ANSWER_SECONDS_MAX) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return secure.recv(9)


def documented(place: Path) -> dict[str, str]:
    """Does what the README says for a machine with this one's address; what it exports."""
    text = (ROOT / "cluster" / "README.md").read_text()
    (lines,) = (b for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "RAY_USE_TLS" in b)
    address = ray.util.get_node_ip_address()
    lines = lines.replace("/etc/flowbackup/tls", str(place)).replace("10.0.0.12", address)
    done = subprocess.run(
        ["sh", "-ec", f"{lines}env"], cwd=place, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("RAY_"))


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    needed("openssl")
    # The address for which the certificates are would be that of a Ray of this process.
    assert not ray.is_initialized(), "a test before this one has left a Ray"
    place = tmp_path_factory.mktemp("tls")
    environment = os.environ | documented(place)
    command = [sys.executable, "-m", "tests.runtime.tls_nodes"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nodes:
        assert nodes.stdin is not None and nodes.stdout is not None
        addresses, more = json.loads(nodes.stdout.readline())
        yield Protected(addresses, environment | more, place)
        nodes.stdin.close()
    assert nodes.returncode == 0


def test_nobody_gets_in_without_a_certificate_of_the_authority(protected: Protected) -> None:
    assert len(protected.addresses) == 7
    for address in protected.addresses:
        assert protected.greeting(address, certified=True)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            assert not protected.greeting(address, certified=False)
            raise ConnectionError("it was closed without a word")


@pytest.mark.parametrize("transport", ["direct", "object-store"])
def test_a_session_over_nodes_and_its_restore_from_another_one(
    protected: Protected, tmp_path: Path, transport: str
) -> None:
    source, catalog = tmp_path / "source", tmp_path / "catalog.sqlite"
    source.mkdir()
    for number in range(3):
        (source / f"file{number}").write_bytes(os.urandom((3 << 20) + number))
    graph = written(tmp_path, source, transport=transport)
    ran = protected.flowbackup("run", graph, "--catalog", catalog, "--json")
    summary = json.loads(ran.splitlines()[-1])
    assert [device["state"] for device in summary["devices"]] == ["complete"] * 3
    for number in (1, 2):
        (tmp_path / f"disk{number}").rename(tmp_path / f"away{number}")
    target = tmp_path / "restored"
    protected.flowbackup("restore", "latest", "--target", target, "--catalog", catalog)
    assert list(differences(str(source), str(target))) == []
