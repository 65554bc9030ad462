"""What the code under test can say, read from its source: so that a new rule, or a new reason
against a value, wants a planted fault of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import flowbackup

FOLDERS = ("spec", "plan")
_RULE_AT = {"error": 1, "warning": 1, "_at": 2, "_found": 3}
"""Functions that make findings -> where the rule stands among their arguments."""
_NO_FAULT_OF_A_GRAPH = {"builder.py", "quick.py"}


def rules_written() -> set[re.Pattern[str]]:
    """A pattern for every rule that stands in a call."""
    found = set()
    for _, tree in _sources():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            at = _RULE_AT.get(name, len(call.args))
            text = _pattern(call.args[at]) if at < len(call.args) else ""
            if text:
                found.add(re.compile(text))
    return found


def reasons_written() -> list[tuple[str, re.Pattern[str]]]:
    """Place and pattern of every reason that an exception brings: those of values and words."""
    found = []
    for file, tree in _sources():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Raise)):
            call = node.exc
            name = getattr(getattr(call, "func", None), "id", "")
            if isinstance(call, ast.Call) and name in ("ValueError", "TrapError"):
                text = _pattern(call.args[0]).partition(re.escape("|"))[0]
                if text.strip(".*"):
                    found.append((f"{file}:{node.lineno}", re.compile(text)))
    return found


def _sources() -> Iterator[tuple[str, ast.Module]]:
    root = Path(flowbackup.__file__).parent
    for folder in FOLDERS:
        for file in sorted((root / folder).glob("*.py")):
            if file.name not in _NO_FAULT_OF_A_GRAPH:
                yield file.name, ast.parse(file.read_text(encoding="utf-8"))


def _pattern(node: ast.expr) -> str:
    """Of a text with holes; "" for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) or ".*" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _pattern(node.left) + (_pattern(node.right) or ".*")
    return ""
