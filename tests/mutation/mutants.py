"""Mutants: the ways in which one line of what protects data can be broken.

Only what target F17 names is broken, nothing else: what catches an error, what makes data durable,
what checks, and in flow/ every decision.  A mutant is one small change of the text, so that all the
rest of the file stays as it is written.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HOUSES = {"flow": "flowbackup/flow", "media": "flowbackup/media"}
NOT_MUTATED = frozenset({"recover.py"})
"""A program by itself, with its own tests."""

SYNCS = frozenset({
    "fsync", "fdatasync", "sync_directory", "sync", "commit", "wait", "_wait_oldest", "result",
    "truncate", "ftruncate", "chmod", "rename", "unlink", "seal", "cut", "cut_back", "flock",
})  # fmt: skip
"""Calls that make data durable, wait until it is, or put the last state of a file in order."""

CHECKED = re.compile(
    r"digest|checksum|chain|previous|follow|len\(|size|_bytes|zero|medium|segment|epoch|ordinal"
    r"|offset|kind|major|critical|count|identity|closed|sealed|poison|fault|torn|proven"
)
"""A condition of media/ whose text has one of these decides what is believed; so does every
condition that leads to a `raise`."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """[begin, end) of the file's bytes, replaced by `text`.  function: its qualified name, "" at
    the top of the file.  key: the same as long as the line reads the same, wherever it stands."""

    house: str
    path: str
    line: int
    function: str
    kind: str
    change: str
    begin: int
    end: int
    text: str
    key: str

    def applied_to(self, source: bytes) -> bytes:
        return source[: self.begin] + self.text.encode() + source[self.end :]


def mutants_of(root: Path, house: str) -> list[Mutant]:
    """All mutants of a house, in the order of its files and lines."""
    folder = root / HOUSES[house]
    paths = [path for path in sorted(folder.rglob("*.py")) if path.name not in NOT_MUTATED]
    return [
        mutant for path in paths for mutant in find(path.read_text(), str(path.relative_to(root)))
    ]


def find(source: str, path: str) -> list[Mutant]:
    """path: of the file in the repository; it decides which conditions count."""
    finder = _Finder(source, path)
    finder.visit(ast.parse(source))
    return finder.mutants


class _Finder(ast.NodeVisitor):
    """One reading of a file: where we are, and what was found so far."""

    def __init__(self, source: str, path: str) -> None:
        self.mutants: list[Mutant] = []
        self._path = path
        self._house = Path(path).parts[1]  # flowbackup/HOUSE/...
        self._decisions = self._house == "flow"
        self._source = source.encode()
        self._starts = [0]
        for line in self._source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._names: list[str] = []
        self._loops: list[bool] = [False]
        self._seen: Counter[str] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node, [node.name])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node, [node.name, "<locals>"])

    def visit_For(self, node: ast.For) -> None:
        self._loop(node)

    def visit_While(self, node: ast.While) -> None:
        self._loop(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        first, last = node.body[0], node.body[-1]
        begin, end = self._at(first), self._end(last)
        name = f"except {ast.unparse(node.type)}" if node.type else "except"
        for change, text in (("raised again", "raise"), ("swallowed", self._swallow(node))):
            if not (len(node.body) == 1 and ast.unparse(first) == text):
                self._add(node, "except", f"{name}: {change}", begin, end, text)
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if isinstance(item.context_expr, ast.Call) and _called(item.context_expr) == "suppress":
                self._replace(item.context_expr, "except", "suppress(): nothing", "suppress()")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and _called(node.value) in SYNCS:
            self._replace(node, "sync", f"removed: {ast.unparse(node)}", "pass")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        raises = any(isinstance(each, ast.Raise) for each in node.body)
        self._condition(node.test, always=raises)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._condition(test)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        self._value(node.value)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._value(node.value)
        self.generic_visit(node)

    def _inside(self, node: ast.ClassDef | ast.FunctionDef, names: list[str]) -> None:
        self._names += names
        self._loops.append(False)
        self.generic_visit(node)
        del self._names[-len(names) :]
        self._loops.pop()

    def _loop(self, node: ast.For | ast.While) -> None:
        if isinstance(node, ast.While):
            self._parts(node.test)
        before, self._loops[-1] = self._loops[-1], True
        self.generic_visit(node)
        self._loops[-1] = before

    def _swallow(self, node: ast.ExceptHandler) -> str:
        """What somebody would write who wants to hear nothing of the error."""
        if self._loops[-1]:
            return "continue"
        raises = any(isinstance(each, ast.Raise) for each in ast.walk(node))
        return "return" if raises and self._names else "pass"

    def _value(self, value: ast.expr | None) -> None:
        """A condition that has a name, or is what a function says."""
        if isinstance(value, ast.BoolOp) and self._counts(value):
            self._parts(value)
        elif isinstance(value, ast.Compare) and self._counts(value):
            self._force(value, ("True", "False") if self._decisions else ("True",))

    def _condition(self, test: ast.expr, *, always: bool = False) -> None:
        if not always and not self._counts(test):
            return
        if self._decisions:
            self._force(test, ("True", "False"))
        else:
            self._force(test, ("False", f"not ({self._text(test)})"))
        self._parts(test)

    def _parts(self, test: ast.expr) -> None:
        """Each part of a compound condition, as if it were not written."""
        for node in ast.walk(test):
            if isinstance(node, ast.BoolOp) and self._counts(test):
                for part in node.values:
                    self._force(part, ("True" if isinstance(node.op, ast.And) else "False",))

    def _force(self, test: ast.expr, values: tuple[str, ...]) -> None:
        for value in values:
            shown = "inverted" if value.startswith("not (") else value
            kind = "decision" if self._decisions else "check"
            self._replace(test, kind, f"{ast.unparse(test)} -> {shown}", value)

    def _counts(self, test: ast.expr) -> bool:
        return self._decisions or bool(CHECKED.search(ast.unparse(test)))

    def _replace(self, node: ast.expr | ast.stmt, kind: str, change: str, text: str) -> None:
        self._add(node, kind, change, self._at(node), self._end(node), text)

    def _add(
        self, node: ast.expr | ast.stmt | ast.ExceptHandler, kind: str, change: str,
        begin: int, end: int, text: str,
    ) -> None:  # fmt: skip
        function = ".".join(self._names).removesuffix(".<locals>")
        name = f"{self._path.removeprefix('flowbackup/')} {function} [{change}]"
        self._seen[name] += 1
        key = name if self._seen[name] == 1 else f"{name} #{self._seen[name]}"
        self.mutants.append(
            Mutant(
                self._house, self._path, node.lineno, function, kind, change, begin, end, text, key
            )
        )

    def _text(self, node: ast.expr) -> str:
        return self._source[self._at(node) : self._end(node)].decode()

    def _at(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
