"""The tool of the mutation run: which mutants it finds, and that one is run as it says."""

from __future__ import annotations

import faulthandler
import time
from pathlib import Path

import pytest

from tests.mutation.mutants import HOUSES, find, mutants_of
from tests.mutation.report import equivalents, is_met, lines
from tests.mutation.state import State
from tests.mutation.trial import Bench, Verdict, settle_profile
from tests.mutation.watch import Ran

ROOT = Path(__file__).parents[2]
PATH = "flowbackup/media/x.py"

MEDIA = """
class Writer:
    def end(self):
        self.calls.fsync(self.fd)
        for name in self.names:
            try:
                self.put(name)
            except OSError as error:
                raise Broken("ä") from error
        try:
            return self.tail
        except ValueError:
            self.tail = 0
        with suppress(OSError):
            self.wait()
        if self.color == "red":
            self.paint()
        if not self.names or self.digest != self.expected:
            raise Broken("ä")
"""


def changes(source: str, path: str) -> list[tuple[str, str]]:
    """Each mutant's line as it was and as it is."""
    found = []
    for mutant in find(source, path):
        changed = mutant.applied_to(source.encode()).decode()
        compile(changed, "x.py", "exec")
        pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
        found.append(next((a.strip(), b.strip()) for a, b in pairs if a != b))
    return found


def test_what_catches_makes_durable_or_checks_is_broken_and_nothing_else() -> None:
    check = "if not self.names or self.digest != self.expected:"
    assert changes(MEDIA, PATH) == [
        ("self.calls.fsync(self.fd)", "pass"),
        ('raise Broken("ä") from error', "raise"),
        ('raise Broken("ä") from error', "continue"),
        ("self.tail = 0", "raise"),
        ("self.tail = 0", "pass"),
        ("with suppress(OSError):", "with suppress():"),
        ("self.wait()", "pass"),
        (check, "if False:"),
        (check, "if not (not self.names or self.digest != self.expected):"),
        (check, "if False or self.digest != self.expected:"),
        (check, "if not self.names or False:"),
    ]


def test_every_decision_is_forced_both_ways() -> None:
    source = "def f(a, b):\n    return [c for c in a if c] if a and b else b\n"
    line = "return [c for c in a if c] if a and b else b"
    assert changes(source, "flowbackup/flow/x.py") == [
        (line, "return [c for c in a if c] if True else b"),
        (line, "return [c for c in a if c] if False else b"),
        (line, "return [c for c in a if c] if True and b else b"),
        (line, "return [c for c in a if c] if a and True else b"),
        (line, "return [c for c in a if True] if a and b else b"),
        (line, "return [c for c in a if False] if a and b else b"),
    ]


def test_keys_tell_mutants_apart_and_survive_a_move() -> None:
    one = find(MEDIA, PATH)
    moved = find(f"import os\n{MEDIA}", PATH)
    assert len({mutant.key for mutant in one}) == len(one)
    assert [mutant.key for mutant in moved] == [mutant.key for mutant in one]
    assert {mutant.function for mutant in one} == {"Writer.end"}


def test_what_is_called_equivalent_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.txt"
    path.write_text("# why\n\nflow/x.py f [a -> True]\n    It is so,\n    always.\n")
    assert equivalents(path) == {"flow/x.py f [a -> True]": "It is so, always."}
    assert [key for key, reason in equivalents().items() if len(reason) < 20] == []


def test_every_file_of_a_house_is_read_but_the_reader_on_the_medium() -> None:
    names = {
        house: {Path(mutant.path).name for mutant in mutants_of(ROOT, house)} for house in HOUSES
    }
    assert {"buffer.py", "order.py", "sender.py"} <= names["flow"]
    assert {"scan.py", "segment.py", "record_file.py"} <= names["media"]
    assert "recover.py" not in names["media"]


def test_the_score_counts_what_is_neither_equivalent_nor_noticed() -> None:
    mutants = find(MEDIA, PATH)
    keys = [mutant.key for mutant in mutants]
    noticed = dict.fromkeys(keys[2:], "a test")
    assert not is_met(mutants, noticed, {})
    assert is_met(mutants, noticed, dict.fromkeys(keys[:2], "reason"))
    shown = list(lines(mutants, noticed, keys[:1], {keys[1]: "reason"}))
    assert shown[2].split() == [PATH, "11", "9", "1", "1", "0", "90.0%"]
    assert shown[-1] == f"{mutants[0].path}:4 Writer.end: {mutants[0].change}"


def test_what_is_known_is_tried_again_when_the_tests_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    ran = {"flow": {"test": Ran(0.5, frozenset({"f"}))}}
    state = State(path, "tree", {"a": "test"}, {"b": 1}, ran)
    state.save()
    assert State.load(path, "tree") == state
    assert State.load(path, "another") == State(path, "another", {"a": "test"})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A package of one function, with one test that calls it and one that does not."""
    settle_profile()
    # The timer of pytest is a thread; a forked child would wait for it for ever.
    faulthandler.cancel_dump_traceback_later()
    root = tmp_path / "repository"
    house, tests = root / "flowbackup" / "flow", root / "tests"
    house.mkdir(parents=True)
    tests.mkdir()
    for package in (house.parent, house):
        (package / "__init__.py").touch()
    (house / "half.py").write_text("def half(n):\n    return n // 2 if n else 0\n")
    (tests / "test_half.py").write_text(
        "from flowbackup.flow.half import half\n"
        "def test_near():\n    assert half(4) == 2\n"
        "def test_far():\n    pass\n"
    )
    options = "--import-mode=importlib -p no:cacheprovider"
    (root / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\n")
    return root


def test_a_trial_is_run_on_a_copy_and_leaves_it_as_it_was(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    file = "flowbackup/flow/half.py"
    source = (repository / file).read_bytes()
    near, far = "tests/test_half.py::test_near", "tests/test_half.py::test_far"
    with Bench(repository, folder) as bench:
        ran = bench.measure("flowbackup/flow", ["tests"], "")
        assert {test: one.functions for test, one in ran.items()} == {
            near: frozenset({f"{file}:half"}),
            far: frozenset(),
        }
        seconds = {test: one.seconds for test, one in ran.items()}
        for content, tests, by in (
            (source.replace(b"// 2", b"// 3"), [far, near], near),
            (source.replace(b"// 2", b"// 3"), [far], ""),
            (source.replace(b"def half", b"def quarter"), [far], "import"),
            (b"import os\nos.kill(os.getpid(), 9)\n", [far], "death"),
        ):
            bench.start(file, content, tests, seconds)
            assert ended(bench).by == by
            assert (bench.root / file).read_bytes() == source
    assert not folder.exists()
    assert (repository / file).read_bytes() == source


def test_without_a_sound_start_nothing_is_said(repository: Path, tmp_path: Path) -> None:
    (repository / "tests" / "test_bad.py").write_text("def test_bad():\n    assert False\n")
    folder = tmp_path / "bench"
    folder.mkdir()
    with Bench(repository, folder) as bench:
        with pytest.raises(RuntimeError, match="the tests fail as they are"):
            bench.measure("flowbackup/flow", ["tests"], "")
        bench.start("tests/test_bad.py", b"", ["tests/test_bad.py::test_gone"], {})
        with pytest.raises(RuntimeError, match="no test was run"):
            ended(bench)


def ended(bench: Bench) -> Verdict:
    while (verdict := bench.verdict()) is None:
        time.sleep(0.01)
    return verdict


def test_a_room_belongs_to_its_house() -> None:
    """Else a run of the house would leave it out, and say so only in its sums."""
    source = "def check(a: int) -> None:\n    if a:\n        raise ValueError\n"
    for path in ("flowbackup/media/x.py", "flowbackup/media/segments/x.py"):
        assert {mutant.house for mutant in find(source, path)} == {"media"}
