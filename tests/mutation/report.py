"""The table of a mutation run, and the list of mutants that nobody can notice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tests.mutation.mutants import Mutant

SCORE_MIN = 0.95
EQUIVALENTS = Path(__file__).parent / "equivalent.txt"


def equivalents(path: Path = EQUIVALENTS) -> dict[str, str]:
    """key -> reason.  In the file a key is a line, and its reason the indented lines below."""
    found: dict[str, str] = {}
    key = ""
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            key = line
            found[key] = ""
        else:
            found[key] = f"{found[key]} {line.strip()}".lstrip()
    return found


def lines(
    mutants: Collection[Mutant], noticed: Mapping[str, str], survived: Collection[str],
    known: Mapping[str, str],
) -> Iterator[str]:  # fmt: skip
    """Per file and in all: mutants, noticed, equivalent, survivors; then each survivor."""
    yield ""
    yield f"{'file':34} mutants noticed equivalent survived not run  score"
    paths = list(dict.fromkeys(each.path for each in mutants))
    for path in paths:
        yield _line(path, [each for each in mutants if each.path == path], noticed, survived, known)
    for kind in dict.fromkeys(each.kind for each in mutants):
        of_kind = [each for each in mutants if each.kind == kind]
        yield _line(f"({kind})", of_kind, noticed, survived, known)
    yield _line("all", mutants, noticed, survived, known)
    for each in mutants:
        if each.key in survived and each.key not in known:
            yield f"{each.path}:{each.line} {each.function}: {each.change}"


def stale(mutants: Collection[Mutant], known: Mapping[str, str]) -> list[str]:
    """Keys that are called equivalent and name no mutant: their line was changed."""
    return sorted(set(known).difference(each.key for each in mutants))


def is_met(
    mutants: Collection[Mutant], noticed: Mapping[str, str], known: Mapping[str, str]
) -> bool:
    return _score(mutants, noticed, known) >= SCORE_MIN


def _score(
    mutants: Collection[Mutant], noticed: Mapping[str, str], known: Mapping[str, str]
) -> float:
    counted = [each for each in mutants if each.key not in known]
    return sum(each.key in noticed for each in counted) / len(counted) if counted else 1.0


def _line(
    name: str, mutants: Collection[Mutant], noticed: Mapping[str, str],
    survived: Collection[str], known: Mapping[str, str],
) -> str:  # fmt: skip
    equivalent = sum(each.key in known for each in mutants)
    good = sum(each.key in noticed and each.key not in known for each in mutants)
    bad = sum(each.key in survived and each.key not in known for each in mutants)
    left = len(mutants) - equivalent - good - bad
    score = _score(mutants, noticed, known)
    return f"{name:34} {len(mutants):7} {good:7} {equivalent:10} {bad:8} {left:7} {score:6.1%}"
