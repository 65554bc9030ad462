"""Runs a notebook without a kernel, as far as the notebooks of this project need one.

python tests/project/notebook.py NOTEBOOK...        runs each and keeps what its cells showed

A cell shows what it prints, and the value of its last line as that shows itself.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def run_notebook(path: Path) -> list[list[Cell]]:
    """What each code cell shows, in the form in which it is kept.  Raises what a cell raises."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_run("".join(cell["source"]), names) for cell in code_cells(read(path))]


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[Cell]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def keep(path: Path) -> None:
    """Runs it and writes what its cells showed into it."""
    notebook = read(path)
    for cell, outputs in zip(code_cells(notebook), run_notebook(path), strict=True):
        cell["outputs"] = outputs
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _run(source: str, names: dict[str, Any]) -> list[Cell]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs: list[Cell] = []
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        data = {kind: _lines(text) for kind, text in _bundle(value).items()}
        outputs.append(
            {"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"}
        )
    return outputs


def _bundle(value: object) -> dict[str, str]:
    shows = getattr(value, "_repr_mimebundle_", None)
    return shows() if shows is not None else {"text/plain": repr(value)}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    for found in [Path(name).absolute() for name in sys.argv[1:]]:
        keep(found)
