"""Checks the shape of the code: file and function sizes, and names that say nothing.

python tests/project/sizes.py [ROOT...]        prints each finding, exits 1 if there is one
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PAGE_ENDINGS = (".ts", ".tsx", ".css")
# Made by programs, or by others.
FOREIGN = {"node_modules", "built", "types.ts"}
# A whole reader, one file because it stands alone on every medium.
LINES_MAX_OF = {"recover.py": 1060}
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "base", "misc"}
ROOTS = ("flowbackup", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_file(path: Path) -> Iterator[str]:
    """One line per finding in this file, each beginning with its place."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    lines_max = LINES_MAX_OF.get(path.name, FILE_LINES_MAX)
    if lines > lines_max:
        yield f"{path}:1 has {lines} lines, more than {lines_max}"
    if path.stem in EMPTY_NAMES:
        yield f'{path}:1 is called "{path.stem}", which does not say what it holds'
    if path.suffix in PAGE_ENDINGS:
        return
    for node in ast.walk(ast.parse(text, filename=str(path))):
        if isinstance(node, Function):
            yield from _check_function(path, node)


def _check_function(path: Path, node: Function) -> Iterator[str]:
    size = (node.end_lineno or node.lineno) - node.lineno + 1
    if size > FUNCTION_LINES_MAX:
        yield f"{path}:{node.lineno} {node.name}() has {size} lines, more than {FUNCTION_LINES_MAX}"


def check_tree(root: Path) -> list[str]:
    """The findings of all our source under root, folders with names that say nothing included."""
    ours = [
        path for path in sorted(root.rglob("*")) if FOREIGN.isdisjoint(path.relative_to(root).parts)
    ]
    findings = [
        f'{folder}: a folder called "{folder.name}" does not say what it holds'
        for folder in ours
        if folder.is_dir() and folder.name in EMPTY_NAMES
    ]
    for path in ours:
        if path.suffix in (".py", *PAGE_ENDINGS):
            findings.extend(check_file(path))
    return findings


def main(arguments: list[str]) -> int:
    findings = [line for root in arguments or ROOTS for line in check_tree(Path(root))]
    print("\n".join(findings) if findings else "sizes: every file and function fits")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
