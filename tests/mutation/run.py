"""Target F17: removing or inverting any `except`, sync or check in media/ and any decision in flow/
is noticed by the tests.

    python -m tests.mutation.run                    all of it; takes the better part of an hour
    python -m tests.mutation.run --only flow        one house
    python -m tests.mutation.run --match scan.py    mutants whose key matches
    python -m tests.mutation.run --list             the mutants, without running anything
    python -m tests.mutation.run --state FILE --seconds 100
                                                    a part of it; the same again goes on from there

Each mutant is run against the quick tests that call its function, the fastest first, as far as they
take NEAR_SECONDS together.  With --tests wide those that survive meet all other quick tests of the
house, with --tests slow also the slow ones.  Tests that start Ray are not used.  A mutant that
nobody can tell from the right code is listed in equivalent.txt with the reason, and is not counted.
The exit code is 0 where at least 95 % are noticed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tests.mutation.mutants import HOUSES, Mutant, mutants_of
from tests.mutation.report import equivalents, is_met, lines, stale
from tests.mutation.state import State, tree_digest
from tests.mutation.trial import Bench, Verdict, load_libraries
from tests.mutation.watch import Ran

ROOT = Path(__file__).parents[2]
TESTS = {
    "flow": ("tests/flow",),
    "media": (
        "tests/media", "tests/faults", "tests/restore", "tests/catalog",
        "tests/runtime",
    ),
}  # fmt: skip
QUICK, SLOW = "not slow and not ray", "slow and not ray"
BREADTHS = ("near", "wide", "slow")
NEAR_SECONDS = 10.0
POLL_SECONDS = 0.02


@dataclass(slots=True)
class Trial:
    """A mutant on its way: the lists of tests that it has not met yet."""

    mutant: Mutant
    bench: Bench
    steps: Iterator[list[str]]
    seconds: float = 0.0


class Run:
    """Runs mutants of one house on the benches, until all are done or time is up."""

    def __init__(self, house: str, benches: list[Bench], state: State, breadth: int) -> None:
        self._house = house
        self._benches = benches
        self._state = state
        self._breadth = breadth
        slow = BREADTHS[breadth] == "slow"
        self._quick = self._measured(QUICK)
        self._slow = self._measured(SLOW) if slow else {}
        self._kills: Counter[tuple[str, str]] = Counter()
        self._seconds = {
            test: one.seconds for test, one in (*self._quick.items(), *self._slow.items())
        }

    def run(self, mutants: Sequence[Mutant], is_over: Callable[[], bool]) -> None:
        waiting = list(reversed(mutants))
        free, busy = list(self._benches), list[Trial]()
        while busy or (waiting and not is_over()):
            while free and waiting and not is_over():
                mutant = waiting.pop()
                trial = Trial(mutant, free.pop(), self._steps(mutant))
                if self._next(trial):
                    busy.append(trial)
                    continue
                # Nothing calls it: the first thing to be told.
                self._end(trial, "")
                free.append(trial.bench)
            time.sleep(POLL_SECONDS)
            for trial in list(busy):
                verdict = trial.bench.verdict()
                if verdict is not None and self._is_ended(trial, verdict):
                    busy.remove(trial)
                    free.append(trial.bench)

    def _measured(self, marks: str) -> dict[str, Ran]:
        name = f"{self._house}: {marks}"
        if name not in self._state.ran:
            say(f"measuring the tests of {name}")
            house = HOUSES[self._house]
            paths = [path for path in TESTS[self._house] if (ROOT / path).exists()]
            self._state.ran[name] = self._benches[0].measure(house, paths, marks)
            self._state.save()
        return self._state.ran[name]

    def _steps(self, mutant: Mutant) -> Iterator[list[str]]:
        """The lists of tests that a mutant has to survive, one after the other."""
        function = f"{mutant.path}:{mutant.function}"
        calls = [test for test, one in self._quick.items() if function in one.functions]
        near = sorted(calls if mutant.function else self._quick, key=self._seconds.__getitem__)
        ends = list(accumulate(self._seconds[test] for test in near))
        first = max(1, bisect_right(ends, NEAR_SECONDS))
        yield self._sorted(mutant, near[:first])
        if self._breadth:
            yield self._sorted(mutant, near[first:])
            yield self._sorted(mutant, set(self._quick).difference(near))
            yield self._sorted(mutant, self._slow)

    def _sorted(self, mutant: Mutant, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: self._rank(mutant, test))

    def _rank(self, mutant: Mutant, test: str) -> tuple[int, float]:
        """Those first that noticed other mutants of this file, then the quick ones."""
        return -self._kills[mutant.path, test], self._seconds[test]

    def _next(self, trial: Trial) -> bool:
        """Starts the next step; False if there is none."""
        tests = next((step for step in trial.steps if step), None)
        if tests is None:
            return False
        content = trial.mutant.applied_to((trial.bench.root / trial.mutant.path).read_bytes())
        trial.bench.start(trial.mutant.path, content, tests, self._seconds)
        return True

    def _is_ended(self, trial: Trial, verdict: Verdict) -> bool:
        trial.seconds += verdict.seconds
        if not verdict.by and self._next(trial):
            return False
        self._end(trial, verdict.by)
        return True

    def _end(self, trial: Trial, by: str) -> None:
        mutant = trial.mutant
        if by:
            self._kills[mutant.path, by] += 1
            self._state.noticed[mutant.key] = by
        else:
            self._state.survived[mutant.key] = self._breadth
        self._state.save()
        shown = by or "SURVIVED"
        say(f"{trial.seconds:6.1f} s  {mutant.path}:{mutant.line} {mutant.change}: {shown}")


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    options = _options()
    houses = [options.only] if options.only else list(HOUSES)
    if options.list:
        for each in _mutants(ROOT, houses, options.match):
            say(f"{each.path}:{each.line} {each.function} {each.kind} {each.change}")
        return 0
    end = time.monotonic() + options.seconds
    breadth = BREADTHS.index(options.tests)
    load_libraries()
    with ExitStack() as stack:
        benches = [
            stack.enter_context(Bench(ROOT, Path(tempfile.mkdtemp(prefix="mutation-"))))
            for _ in range(options.jobs)
        ]
        # The copies are what is tried, whatever happens to the repository meanwhile.
        mutants = _mutants(benches[0].root, houses, options.match)
        state = State.load(options.state, tree_digest(benches[0].root))
        known = equivalents()
        for house in houses:
            strong = (key for key, met in state.survived.items() if met >= breadth)
            done = {*state.noticed, *strong, *known}
            left = [each for each in mutants if each.house == house and each.key not in done]
            if left and time.monotonic() < end:
                run = Run(house, benches, state, breadth)
                run.run(left, lambda: time.monotonic() > end)
    for line in lines(mutants, state.noticed, state.survived, known):
        say(line)
    if not options.only and not options.match:
        for key in stale(mutants, known):
            say(f"equivalent.txt names what is not there: {key}")
    return 0 if is_met(mutants, state.noticed, known) else 1


def _mutants(root: Path, houses: Sequence[str], match: str) -> list[Mutant]:
    found = [mutant for house in houses for mutant in mutants_of(root, house)]
    return [mutant for mutant in found if re.search(match, mutant.key)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--only", choices=list(HOUSES), help="one house")
    parser.add_argument("--match", default="", help="a pattern that the key of a mutant has")
    parser.add_argument("--list", action="store_true", help="say which mutants there are")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--tests", choices=BREADTHS, default="near", help="what is to be survived")
    parser.add_argument("--state", type=Path, help="a file that keeps what is known")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing later")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
