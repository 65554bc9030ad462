"""The shape of the code, and that the tool which checks it sees what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import sizes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("root", sizes.ROOTS)
def test_every_file_and_function_fits(root: str) -> None:
    assert sizes.check_tree(ROOT / root) == []


def test_what_does_not_fit_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("#\n" * (sizes.FILE_LINES_MAX + 1))
    body = "    pass\n" * sizes.FUNCTION_LINES_MAX
    (tmp_path / "deep.py").write_text(f"class A:\n  async def run(self):\n{body}")
    (tmp_path / "Long.tsx").write_text("//\n" * (sizes.FILE_LINES_MAX + 1))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "base.ts").write_text("")
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "utils.py").write_text("")
    findings = "\n".join(sizes.check_tree(tmp_path))
    assert "long.py:1 has 401 lines" in findings
    assert "Long.tsx:1 has 401 lines" in findings
    assert "deep.py:2 run() has 61 lines" in findings
    assert 'a folder called "helpers"' in findings
    assert 'utils.py:1 is called "utils"' in findings
    assert len(findings.splitlines()) == 5
