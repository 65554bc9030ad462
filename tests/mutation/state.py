"""What is known so far, in a file: a run that was ended goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.watch import Ran

TOOL = ("tests", "mutation")


@dataclass(slots=True)
class State:
    """noticed: key of a mutant -> the test that failed.  survived: key -> how many
    tests it has met, as the place of the list in BREADTHS.  ran: what the tests take
    and call, by house and marks.  tree: a digest of the code and its tests; when it changes the
    tests are measured again and the survivors tried again, since new tests may be there."""

    path: Path | None
    tree: str
    noticed: dict[str, str] = field(default_factory=dict)
    survived: dict[str, int] = field(default_factory=dict)
    ran: dict[str, dict[str, Ran]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None, tree: str) -> State:
        state = cls(path, tree)
        if path is None or not path.exists():
            return state
        value = json.loads(path.read_text())
        state.noticed = value["noticed"]
        if value["tree"] == tree:
            state.survived = value["survived"]
            state.ran = {
                name: {test: Ran(took, frozenset(calls)) for test, (took, calls) in ran.items()}
                for name, ran in value["ran"].items()
            }
        return state

    def save(self) -> None:
        if self.path is None:
            return
        value = {
            "tree": self.tree,
            "noticed": self.noticed,
            "survived": self.survived,
            "ran": {
                name: {test: (one.seconds, sorted(one.functions)) for test, one in ran.items()}
                for name, ran in self.ran.items()
            },
        }
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(value))
        new.replace(self.path)


def tree_digest(root: Path) -> str:
    """Of every file of code and tests but those of the tool itself."""
    digest = hashlib.sha256()
    for folder in ("flowbackup", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root)
            if name.parts[:2] != TOOL:
                digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()
