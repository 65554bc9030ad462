"""No secret stands where somebody could read it who is not to have it.

The secrets of today: the token by which the processes of an embedded Ray know each other, the keys
by which those of different nodes do, and whatever the environment of the user holds.
"""

from __future__ import annotations

import os
import secrets as random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import ray
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.frame.key_slots import opened_by_passphrase
from flowbackup.keys.key_file import new_key, write_key_file
from flowbackup.media.labels.label import SEGMENTS_NAME
from flowbackup.monitor import SilentMonitor
from flowbackup.process import descendants
from tests.faults.secrets import Secret, in_arguments, in_environments, in_files
from tests.leaks import marked_processes
from tests.runtime.listening import listening
from tests.runtime.three_nodes import three_nodes
from tests.targets import Target

MIB = 1 << 20
SHARED_MEMORY = Path("/dev/shm")
SEEN = "found in no file, argument or environment that need not have it"
PLANT = """
from cryptography.hazmat.primitives.asymmetric import ec
ec.generate_private_key = lambda curve, backend=None: ec.derive_private_key({number}, curve)
"""


def test_a_secret_is_found_in_every_form_and_place(tmp_path: Path) -> None:
    secret = Secret.of("key", b"a secret of some length")
    (tmp_path / "log").mkdir()
    for number, form in enumerate(secret.forms):
        (tmp_path / "log" / str(number)).write_bytes(b"x" * (MIB - 5) + form + b"y")
    (tmp_path / "sound").write_bytes(b"a secret of other length")
    found = in_files([secret], tmp_path)
    assert len(found) == len(secret.forms)
    environment = {**os.environ, "SHOWN": "a secret of some length"}
    program = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, "a secret of some length"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
        try:
            # When it is begun its arguments are not there at once.
            assert process.stdout is not None and process.stdout.readline()
            place = f"key in /proc/{process.pid}"
            assert in_arguments([secret]) == [f"{place}/cmdline"]
            assert in_environments([secret]) == [f"{place}/environ"]
            assert in_environments([secret], [process.pid]) == []
        finally:
            process.communicate()


def of_others(secrets: Sequence[Secret], allowed: Callable[[], Iterable[int]]) -> list[str]:
    """Environments that have secrets, but for those of whom `allowed` tells.  One of these may be
    born between two looks, and is known at the second."""
    first, second = (set(in_environments(secrets, allowed())) for _ in range(2))
    return sorted(first & second)


class Command:
    """A backup at work, by the real command, in a home of its own.  Its last object has no end
    before `finish`, so that whoever looks has all the time that he needs."""

    def __init__(
        self, folder: Path, environment: dict[str, str], around: str = "",
        canary: Sequence[Secret] = (),
    ) -> None:  # fmt: skip
        """around: hooks of the object, and what else stands in the graph.  canary: a content and a
        name among the files."""
        hooks, _, rest = around.partition("\n")
        self.folder = folder
        for name in ("source", "home", "tmp"):
            (folder / name).mkdir()
        os.mkfifo(folder / "last")
        self._last = os.open(folder / "last", os.O_RDWR)
        for number in range(16):
            (folder / "source" / f"file{number}").write_bytes(os.urandom(MIB))
        if canary:
            content, name = (secret.values[0] for secret in canary)
            (folder / "source" / name.decode()).write_bytes(content * 100_000)
        (folder / "graph.yaml").write_text(
            f"graph: watched\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{site: {{path: {folder}/source{hooks}}}, "
            f"last: {{command: [head, -c, '1', {folder}/last]}}}}}}}}\n"
            f"devices: {{disk: {{path: {folder}/disk, rate_limit: 4 MB/s}}}}\n"
            f"backup_groups: {{primary: {{devices: [disk]}}}}\n{rest}\n"
        )
        api.init_device(str(folder / "disk"))
        own = {"HOME": str(folder / "home"), "XDG_DATA_HOME": str(folder / "home")}
        with (folder / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from flowbackup.cli.main import main; main()", "run",
                 str(folder / "graph.yaml"), "--json", "-v", "--engine", "ray"],
                stdout=said, stderr=said, env={**os.environ, **own, **environment},
            )  # fmt: skip

    def wait_until_it_writes(self) -> None:
        deadline = time.monotonic() + 150
        segments = self.folder / "disk" / SEGMENTS_NAME
        while not (list(segments.glob("*.part")) and self._reads_last()):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def _reads_last(self) -> bool:
        """Every process that has something to do for it is there then."""
        word = os.fsencode(self.folder / "last")
        for pid in descendants(self.process.pid):
            with suppress(OSError):
                if word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return True
        return False

    def started(self) -> list[int]:
        """Processes that it has started, and they."""
        return descendants(self.process.pid)

    def heirs(self) -> list[int]:
        """It, and whoever has its environment: who watches a command of the user is nobody's
        child."""
        marked = (pid for pid, _ in marked_processes(f"HOME={self.folder}/home"))
        return [self.process.pid, *self.started(), *marked]

    def finish(self) -> int:
        """Gives its last object an end.  Returns the exit code."""
        os.write(self._last, b"x")
        return self.process.wait(120)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._last)

    @property
    def ray_folder(self) -> Path:
        (folder,) = Path("/tmp").glob(f"fbr-{self.process.pid}-*")
        return folder

    def token(self) -> bytes:
        """As Ray's own processes have it."""
        for pid in descendants(self.process.pid):
            # A child of theirs may have ended meanwhile.
            with suppress(OSError):
                for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    if entry.startswith(b"RAY_AUTH_TOKEN="):
                        return entry.partition(b"=")[2]
        pytest.fail("Ray's processes have no token")


@pytest.mark.ray
@pytest.mark.slow
def test_what_a_command_knows_stays_with_its_processes(tmp_path: Path, target: Target) -> None:
    planted = random.token_hex(24)
    command = Command(tmp_path, {"SECRET_OF_THE_USER": planted})
    try:
        command.wait_until_it_writes()
        token = Secret.of("the token of Ray", command.token())
        known = [token, Secret.of("the user's secret", planted.encode())]
        found = in_files(known, command.ray_folder, tmp_path, *SHARED_MEMORY.glob("flowbackup-*"))
        found += in_arguments(known)
        found += of_others(known, command.heirs)
        found += of_others([token], command.started)
        assert found == []
        assert command.finish() == 0
    finally:
        command.close()
    assert in_files(known, tmp_path) == []
    target("F16", cases=len(known), text=f"token of Ray and environment of the user: {SEEN}")


@pytest.mark.ray
@pytest.mark.slow
def test_addresses_of_notices_stay_here_and_hooks_know_no_secret_of_ours(
    tmp_path: Path, target: Target
) -> None:
    planted = random.token_hex(24)
    hook = f"{{when: before, shell: env | grep -v ^NOTICE_URL > {tmp_path}/told-%s}}"
    around = f", hooks: [{hook % 'inside'}]\nhooks: [{hook % 'around'}]\n"
    notices = f"notices: [{{url_env: NOTICE_URL}}, {{url_file: {tmp_path}-url}}]"
    with listening() as server:
        url = f"{server.url}/{planted}"
        server.answers[f"/{planted}"] = [404] * 9
        place = Path(f"{tmp_path}-url")
        place.write_text(url)
        command = Command(tmp_path, {"NOTICE_URL": url}, around + notices)
        try:
            command.wait_until_it_writes()
            known = [
                Secret.of("the token of Ray", command.token()),
                Secret.of("the address of a notice", planted.encode()),
            ]
            found = in_files(known, command.ray_folder, *SHARED_MEMORY.glob("flowbackup-*"))
            found += in_arguments(known) + of_others(known, command.heirs)
            assert found == []
            assert command.finish() == 0
        finally:
            command.close()
            place.unlink()
    assert in_files(known, tmp_path) == []
    assert [path.stat().st_size > 0 for path in tmp_path.glob("told-*")] == [True] * 2
    assert server.paths == [f"/{planted}"] * 4
    assert (tmp_path / "said").read_text().count("answers 404") >= 4
    target("F16", cases=len(known), text=f"hooks and addresses of notices: {SEEN}")


@pytest.mark.ray
@pytest.mark.slow
def test_keys_of_media_stay_in_memory_and_what_they_seal_is_seen_nowhere(
    tmp_path: Path, target: Target
) -> None:
    elsewhere = Path(f"{tmp_path}-elsewhere")
    elsewhere.mkdir()
    passphrase = random.token_hex(24).encode()
    (elsewhere / "passphrase").write_bytes(passphrase)
    file = new_key(passphrase, "test")
    write_key_file(elsewhere / "site.key", file, new=True)
    key = opened_by_passphrase(file.slots, passphrase, file.key_id)
    assert key is not None
    writer = key.writer(b"")
    keys = [
        Secret.of("the passphrase", passphrase),
        Secret.of("the key", key.secret, writer.secret, writer.name_key),
    ]
    canary = [
        Secret.of("the content", b"the planted canary sings"),
        Secret.of("a name", b"canary-in-a-name"),
    ]
    environment = {"FLOWBACKUP_PASSPHRASE_FILE": str(elsewhere / "passphrase")}
    command = Command(tmp_path, environment, f"\nencryption: {{key: {elsewhere}/site.key}}", canary)
    try:
        command.wait_until_it_writes()
        family = [command.process.pid, *descendants(command.process.pid)]
        found = in_files(keys, command.ray_folder, tmp_path, *SHARED_MEMORY.glob("flowbackup-*"))
        found += in_files(canary, command.ray_folder, tmp_path / "disk", tmp_path / "said")
        found += in_arguments(keys + canary) + in_environments(keys, family)
        found += in_environments(keys)
        assert found == []
        assert command.finish() == 0
        assert in_files(keys, tmp_path) == []
        assert in_files(canary, tmp_path / "disk", tmp_path / "said") == []
    finally:
        command.close()
        shutil.rmtree(elsewhere)
    text = f"keys of media, their passphrase, and what they seal: {SEEN}"
    target("F16", cases=len(keys + canary), text=text)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secret:
    """The key that every process of a Ray started from now on makes for itself."""
    number = random.randbits(255) | 1 << 254
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "sitecustomize.py").write_text(PLANT.format(number=hex(number)))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'plant'}{os.pathsep}{os.getcwd()}")
    made = ec.derive_private_key(number, ec.SECP256R1())
    whole = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return Secret.of("the key of a process", number.to_bytes(32), whole)


@pytest.fixture
def cluster(key: Secret) -> Iterator[Cluster]:
    """See three_nodes; after `key`, which its processes find planted."""
    with three_nodes() as nodes:
        yield nodes


def own_number() -> int:
    """What a process makes its key of."""
    return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value


class Looking(SilentMonitor):
    """Looks again and again while the session runs."""

    def __init__(self, key: Secret, folders: list[Path]) -> None:
        self.found: list[str] = []
        self.looks = 0
        self._key = key
        self._folders = folders

    def progress(self, progress: object) -> None:
        self.looks += 1
        shared = SHARED_MEMORY.glob("flowbackup-*")
        self.found += in_files([self._key], *self._folders, *shared)
        self.found += in_arguments([self._key]) + in_environments([self._key])


@pytest.mark.ray
@pytest.mark.slow
def test_keys_of_processes_never_leave_their_memory(
    key: Secret, cluster: Cluster, tmp_path: Path, target: Target
) -> None:
    world = tmp_path / "world"
    (world / "source").mkdir(parents=True)
    for number in range(8):
        (world / "source" / f"file{number}").write_bytes(os.urandom(MIB))
    (world / "graph.yaml").write_text(
        f"graph: nodes\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
        f"nodes: {{storage1: {{}}, storage2: {{}}}}\n"
        f"clients: {{web: {{node: storage1, objects: {{site: {{path: {world}/source}}}}}}}}\n"
        f"devices: {{far: {{path: {world}/far, node: storage2, rate_limit: 8 MB/s}}}}\n"
        f"backup_groups: {{primary: {{devices: [far]}}}}\n"
    )
    api.init_device(str(world / "far"))
    looking = Looking(key, [world, Path(os.environ["RAY_TMPDIR"])])
    settings = RunSettings(catalog=world / "catalog.sqlite")
    report = api.run_backup(api.load_plan(world / "graph.yaml"), settings, looking)
    looking.progress(None)
    number = ray.get(ray.remote(own_number).remote(), timeout=60)
    assert number.to_bytes(32) in key.forms, "the key is planted"
    assert report.exit_code == 0, report.problems
    assert looking.looks > 1 and looking.found == []
    target("F16", cases=1, text=f"keys between nodes: {SEEN}")
