"""Encryption from the command line, on the local engine: nothing of a planted canary stands
anywhere, media and a passphrase are enough, and who may only write reads nothing."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from flowbackup.errors import EXIT_USAGE, EXIT_WRONG_KEY
from flowbackup.frame import key_slots
from flowbackup.frame.seal import open_frame
from flowbackup.keys.key_file import new_key, read_key_file, write_key_file
from flowbackup.model.record import SessionRecord, load_record
from flowbackup.testing.compare import differences
from tests.cli.conftest import Ran, RunCommand
from tests.faults.secrets import Secret, in_files
from tests.judge import check_media, listed, recovered
from tests.media.media_samples import make_device

PASSPHRASE, SECOND = b"correct horse battery staple", b"a second passphrase"
CANARY_NAME, CANARY_TEXT = b"canary-in-the-name", b"the canary sings in the content\n"
CANARY_OBJECT = "canary-of-an-object"


class Place:
    """A source with a canary, two devices and a key, and commands on them."""

    def __init__(self, folder: Path, command: RunCommand) -> None:
        self.folder = folder
        self._command = command
        self.source = folder / CANARY_OBJECT
        (self.source / "below").mkdir(parents=True)
        (self.source / "below" / os.fsdecode(CANARY_NAME)).write_bytes(CANARY_TEXT * 2000)
        (self.source / "noise").write_bytes(os.urandom(300_000))
        for name, passphrase in (("passphrase", PASSPHRASE), ("second", SECOND), ("wrong", b"x")):
            (folder / name).write_bytes(passphrase + b"\n")

    def run(self, *words: str | Path) -> Ran:
        catalog = () if words[0] == "key" else ("--catalog", self.folder / "catalog.sqlite")
        return self._command(*map(str, (*words, *catalog)))

    def backup(self, key: str = "site.key", devices: str = "ab", more: tuple[str, ...] = ()) -> Ran:
        first, *others = (self.folder / device for device in devices)
        mirrors = [word for place in others for word in ("--mirror", place)]
        keys = ("--key", self.folder / key) if key else ()
        return self.run(
            "backup", self.source, "--to", first, *mirrors, *keys, *more,
            "--frame-size", "64KiB", "--engine", "local", "--name", "canary-of-a-graph",
        )  # fmt: skip

    def restored(self, *words: str) -> Ran:
        return self.run("restore", "latest", "--target", self.folder / "target", *words)

    def is_back(self, target: str = "target") -> bool:
        return not [*differences(bytes(self.source), bytes(self.folder / target))]

    def media(self, devices: str = "ab") -> list[Path]:
        return [self.folder / device for device in devices]


@pytest.fixture
def place(memory_path: Path, flowbackup: RunCommand, monkeypatch: pytest.MonkeyPatch) -> Place:
    # What guessing costs need not be paid by tests.
    file = new_key(PASSPHRASE, "canary-of-a-slot", n=16)
    write_key_file(memory_path / "site.key", file, new=True)
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(memory_path / "passphrase"))
    return Place(memory_path, flowbackup)


def use(monkeypatch: pytest.MonkeyPatch, place: Place, name: str) -> None:
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(place.folder / name) if name else "")


def secrets_of(place: Place) -> list[Secret]:
    file = read_key_file(place.folder / "site.key")
    key = key_slots.opened_by_passphrase(file.slots, PASSPHRASE, file.key_id)
    assert key is not None
    writer = key.writer(b"")
    return [
        Secret.of("the content", CANARY_TEXT[:-1]),
        Secret.of("a name", CANARY_NAME),
        Secret.of("an object", CANARY_OBJECT.encode()),
        Secret.of("the graph", b"canary-of-a-graph"),
        Secret.of("a slot", b"canary-of-a-slot"),
        Secret.of("the passphrase", PASSPHRASE),
        Secret.of("the key", key.secret, writer.secret, writer.name_key),
    ]


def test_nothing_of_a_canary_stands_on_media_and_all_of_it_comes_back(place: Place) -> None:
    ran = place.backup()
    assert ran.exit_code == 0, ran.err
    assert in_files(secrets_of(place), *place.media()) == []
    assert place.restored().exit_code == 0
    assert place.is_back()
    cat = place.run("cat", f"latest:below/{os.fsdecode(CANARY_NAME)}")
    assert cat.exit_code == 0


def test_a_summary_tells_what_was_packed(place: Place) -> None:
    ran = place.backup(more=("--json",))
    content, (device, *_) = ran.lines[-1], ran.lines[-1]["devices"]  # type: ignore[misc]
    packed = int(str(content["bytes_packed"]))
    assert 300_000 < packed < int(str(content["bytes_new"])) - 60_000
    assert packed < int(device["bytes_written"]) < 2 * packed
    for path in place.source.rglob("*"):
        os.utime(path)
    place.source.joinpath("noise").unlink()
    (place.source / "more").write_bytes(CANARY_TEXT * 9_999)
    assert "KiB new and packed into " in place.backup().out


def test_the_key_stands_nowhere_outside_of_its_file_not_even_in_the_catalog(place: Place) -> None:
    assert place.backup().exit_code == 0
    assert place.restored("--json", "-v").exit_code == 0
    passphrase, key = secrets_of(place)[-2:]
    (place.folder / "passphrase").rename(place.folder.parent / "passphrase-of-this-test")
    try:
        assert in_files([passphrase, key], place.folder) == []
    finally:
        (place.folder.parent / "passphrase-of-this-test").unlink()


def test_a_wrong_passphrase_is_told_as_such_and_nothing_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, place, "wrong")
    ran = place.backup()
    assert ran.exit_code == EXIT_WRONG_KEY and "does not open key" in ran.err
    assert not any(path.exists() for path in place.media())
    use(monkeypatch, place, "passphrase")
    assert place.backup().exit_code == 0
    use(monkeypatch, place, "wrong")
    before = {path: path.stat() for path in place.folder.rglob("*") if path.is_file()}
    for words in (("restore", "latest", "--target", place.folder / "target"),
                  ("cat", f"latest:below/{os.fsdecode(CANARY_NAME)}"), ("drill",)):  # fmt: skip
        ran = place.run(*words)
        assert ran.exit_code == EXIT_WRONG_KEY, (words, ran)
    assert not [*(place.folder / "target").rglob("*")]
    assert recovered(place.media(), place.folder / "target").exit_code == EXIT_WRONG_KEY
    assert all(path.stat().st_mtime_ns == was.st_mtime_ns for path, was in before.items()
               if path.parent.name == "segments")  # fmt: skip


def test_without_a_passphrase_nobody_is_asked_where_nobody_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.backup().exit_code == 0
    use(monkeypatch, place, "")
    ran = place.restored()
    assert ran.exit_code == EXIT_WRONG_KEY and "FLOWBACKUP_PASSPHRASE_FILE" in ran.err


def test_media_and_a_passphrase_are_enough(place: Place) -> None:
    assert place.backup().exit_code == 0
    for path in place.folder.iterdir():
        if path.is_file() and path.name != "passphrase":
            path.unlink()
    assert place.run("rebuild", place.folder / "b", "--mode", "paranoid").exit_code == 0
    assert place.restored().exit_code == 0 and place.is_back()
    assert check_media(place.media()).problems == ()
    assert [found.name.partition("/")[2] for found in listed(place.media("a"))] == [
        f"{CANARY_OBJECT}@1"
    ]
    assert recovered(place.media("a"), place.folder / "again").exit_code == 0
    assert place.is_back("again")


def test_verify_and_repair_need_no_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.backup().exit_code == 0
    segments = place.folder / "b" / "segments"
    damaged = max(segments.iterdir(), key=lambda path: path.stat().st_size)
    damaged.chmod(0o600)
    with damaged.open("r+b") as file:
        file.seek(100_000)
        file.write(b"damage")
    damaged.chmod(0o400)
    use(monkeypatch, place, "")
    ran = place.run("verify")
    assert ran.exit_code != 0 and "digest" in ran.out + ran.err
    assert place.run("repair").exit_code == 0
    assert place.run("verify").exit_code == 0
    assert in_files(secrets_of(place), *place.media()) == []
    reader = make_device(place.folder / "b").reader()
    (plain,) = (frame for frame in reader.frames() if not frame.header.codec)
    record = load_record(open_frame(*reader.read(plain.header, plain.place)).content)
    assert isinstance(record, SessionRecord) and record.kind == "repair"
    assert (record.graph_name, record.host, record.graph, record.problems) == ("", "", "", ())
    shutil.rmtree(place.folder / "a")
    use(monkeypatch, place, "passphrase")
    assert place.restored().exit_code == 0 and place.is_back()


def test_a_writer_writes_without_a_passphrase_and_reads_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = place.folder / "site.key", place.folder / "web.key"
    assert place.run("key", "writer", files[0], "--to", files[1]).exit_code == 0
    use(monkeypatch, place, "")
    assert place.backup("web.key").exit_code == 0
    assert in_files(secrets_of(place), *place.media()) == []
    # All that such a client has is no way to open what it wrote itself.
    assert place.run("key", "check", files[1]).exit_code == EXIT_WRONG_KEY
    assert place.run("key", "add", files[1]).exit_code == EXIT_USAGE
    assert place.run("key", "writer", files[1], "--to", place.folder / "x").exit_code == EXIT_USAGE
    assert place.restored().exit_code == EXIT_WRONG_KEY
    use(monkeypatch, place, "passphrase")
    assert place.restored().exit_code == 0 and place.is_back()


def test_passphrases_come_and_go(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place.folder / "site.key"
    monkeypatch.setenv("FLOWBACKUP_NEW_PASSPHRASE_FILE", str(place.folder / "second"))
    assert place.run("key", "add", file, "--name", "safe").exit_code == 0
    use(monkeypatch, place, "second")
    assert place.run("key", "check", file).exit_code == 0
    ran = place.run("key", "remove", file, "canary-of-a-slot")
    assert ran.exit_code == 0 and "safe" in ran.out
    assert place.backup().exit_code == 0
    use(monkeypatch, place, "passphrase")
    assert place.run("key", "check", file).exit_code == EXIT_WRONG_KEY
    assert place.restored().exit_code == EXIT_WRONG_KEY
    use(monkeypatch, place, "second")
    assert place.restored().exit_code == 0 and place.is_back()
    assert place.run("key", "remove", file, "safe").exit_code == EXIT_USAGE
    assert file.stat().st_mode & 0o777 == 0o600
    assert place.run("key", "create", file).exit_code == EXIT_USAGE
    assert place.run("key", "create", place.folder / "new.key").exit_code == 0
    assert place.run("key", "check", place.folder / "new.key").exit_code == 0


def test_an_identity_of_age_opens_what_was_wrapped_for_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    (place.folder / "identity").write_text(f"# made for a test\n{identity}\n")
    (place.folder / "other").write_text(f"{other}\n")
    file, recipient = place.folder / "site.key", str(identity.to_public())
    assert (
        place.run("key", "add", file, "--name", "anna", "--recipient", "age1").exit_code
        == EXIT_USAGE
    )
    assert place.run("key", "add", file, "--name", "anna", "--recipient", recipient).exit_code == 0
    assert place.backup().exit_code == 0
    assert in_files([Secret.of("a recipient", recipient.encode())], *place.media()) == []
    use(monkeypatch, place, "")
    monkeypatch.setenv("FLOWBACKUP_IDENTITY_FILE", str(place.folder / "other"))
    assert place.restored().exit_code == EXIT_WRONG_KEY
    monkeypatch.setenv("FLOWBACKUP_IDENTITY_FILE", str(place.folder / "identity"))
    assert place.restored().exit_code == 0 and place.is_back()
    assert recovered(place.media(), place.folder / "again").exit_code == 0
    assert place.is_back("again")


@pytest.mark.parametrize("way", ["file", "command", "credential"])
def test_a_passphrase_comes_by_each_way_and_stands_in_no_argument(
    place: Place, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    use(monkeypatch, place, "passphrase" if way == "file" else "")
    if way == "command":
        monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_COMMAND", f"cat {place.folder / 'passphrase'}")
    if way == "credential":
        folder = place.folder / "credentials"
        folder.mkdir()
        shutil.copy(place.folder / "passphrase", folder / "flowbackup-passphrase")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert place.run("key", "check", place.folder / "site.key").exit_code == 0


@pytest.mark.parametrize("command", ["false", "/no/such/program", "true", "unclosed '"])
def test_a_command_that_gives_no_passphrase(
    place: Place, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    use(monkeypatch, place, "")
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_COMMAND", command)
    assert place.run("key", "check", place.folder / "site.key").exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"flowbackup": "key", "public": "AAAA", "slots": []}']
)
def test_what_is_no_key_file_is_told(place: Place, text: str) -> None:
    (place.folder / "site.key").write_text(text)
    ran = place.backup()
    assert ran.exit_code == EXIT_USAGE and "is no key file" in ran.err
    assert not any(path.exists() for path in place.media())
    assert place.backup("none.key").exit_code == EXIT_USAGE


def test_what_was_saved_under_another_key_or_none_is_saved_again_and_then_never(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version never leans on frames that its own key does not open."""
    other = new_key(PASSPHRASE, "other", n=16)
    write_key_file(place.folder / "other.key", other, new=True)
    size = sum(path.stat().st_size for path in place.source.rglob("*") if path.is_file())
    # What was changed in the last moments before it was read counts as unknown.
    for path in place.source.rglob("*"):
        os.utime(path, (1, 1))
    time.sleep(0.05)
    for key, bytes_new in (("", size), ("", 0), ("site.key", size), ("site.key", 0),
                           ("other.key", size), ("other.key", 0), ("", 0)):  # fmt: skip
        ran = place.backup(key, more=("--json",))
        assert (ran.exit_code, ran.lines[-1]["bytes_new"]) == (0, bytes_new), (key, ran.err)
    for number in range(1, 8):
        target = f"target{number}"
        words = ("restore", f"{CANARY_OBJECT}@{number}", "--target", place.folder / target)
        assert place.run(*words).exit_code == 0
        assert place.is_back(target)
