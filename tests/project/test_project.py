"""The package itself: locked versions, and something real in the folders beside it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flowbackup import api
from tests.project.notebook import code_cells, read, run_notebook

ROOT = Path(__file__).parents[2]
GRAPHS = sorted((ROOT / "graphs").glob("**/*.yaml"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHOWS_PLACES = {ROOT / "notebooks" / "first-chain.ipynb"}
"""Run in a temporary folder, whose name they show."""
SHOWS_TIMES = {ROOT / "notebooks" / "predicted-and-measured.ipynb"}
"""Tell how long something took, and assert themselves what must hold of that."""
STARTS_RAY = {ROOT / "notebooks" / "ray-dataset.ipynb"}
"""Run in a process of their own: it may have one Ray only."""
NOTEBOOK_BYTES_MAX = 100_000


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_covers_every_dependency_with_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert {normal(re.split(r"[\[<>=~! ]", item)[0]) for item in wanted} <= locked
    pins = re.split(r"^(?=[A-Za-z0-9._-]+==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in pin for pin in pins)


def test_the_lock_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    body = "\n".join(line for line in lock.splitlines() if not line.startswith("#"))
    assert not re.search(r"://|--index|--find-links|file:| @ |/", body)


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.name)
def test_every_graph_is_loaded_and_planned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plan = api.load_plan(path)
    assert plan.objects or plan.stages
    assert all(part.agents for part in plan.stages or (plan,))


def test_there_are_graphs_and_notebooks() -> None:
    assert "chain-of-three.yaml" in {path.name for path in GRAPHS}
    assert NOTEBOOKS


PROGRAMS = [*sorted(SHOWS_PLACES)] + [
    pytest.param(path, marks=[pytest.mark.slow, pytest.mark.ray]) for path in sorted(STARTS_RAY)
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_a_notebook_that_backs_up_is_a_program(path: Path, tmp_path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    program = tmp_path / f"{path.stem}.py"
    program.write_text("\n\n".join(code))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path not in STARTS_RAY], ids=lambda path: path.name
)
def test_notebooks_show_what_running_them_gives(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWBACKUP_ENGINE", "local")
    monkeypatch.chdir(ROOT)
    kept = [cell["outputs"] for cell in code_cells(read(path))]
    found = run_notebook(path)
    if path in SHOWS_PLACES | SHOWS_TIMES:
        assert [len(outputs) for outputs in found] == [len(outputs) for outputs in kept]
    else:
        assert found == kept, "run tests/project/notebook.py on it, and look at what changed"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_small_and_alike_wherever_they_ran(path: Path) -> None:
    assert path.stat().st_size <= NOTEBOOK_BYTES_MAX
    cells = code_cells(read(path))
    assert any(cell["outputs"] for cell in cells), "run tests/project/notebook.py on it"
    assert all(cell["execution_count"] is None for cell in cells)
