"""The page as it is built, and as it is shipped."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "flowbackup" / "ui" / "page"
BUILT = ROOT / "flowbackup" / "ui" / "built"
PACKED_BYTES_MAX = 1_000_000
LAYOUT_ENGINE = re.compile(r"elk")

needs_page = pytest.mark.skipif(
    not (BUILT / "index.html").is_file(), reason="the page is not built: make page"
)


@needs_page
def test_the_page_is_small() -> None:
    """All of it, packed as it travels, before the layout engine, which is fetched when it is asked
    for."""
    sizes = {
        path.name: len(gzip.compress(path.read_bytes()))
        for path in BUILT.rglob("*")
        if path.is_file() and not LAYOUT_ENGINE.search(path.name)
    }
    print(sum(sizes.values()), sorted(sizes.items(), key=lambda item: -item[1])[:8])
    assert sum(sizes.values()) < PACKED_BYTES_MAX
    assert any(LAYOUT_ENGINE.search(path.name) for path in BUILT.rglob("*"))


@needs_page
def test_the_page_asks_nobody_else() -> None:
    """No script, style or font from elsewhere, and none inside of the page."""
    text = (BUILT / "index.html").read_text()
    assert "http" not in text
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert "<style" not in text and "style=" not in text
    for sheet in BUILT.rglob("*.css"):
        assert re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", sheet.read_text()) == [], sheet


@needs_page
@pytest.mark.slow
def test_wheel_and_sdist_hold_the_page(tmp_path: Path) -> None:
    built = {path.relative_to(ROOT).as_posix() for path in BUILT.rglob("*") if path.is_file()}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert built and built <= names
    assert [name for name in names if name.startswith("flowbackup/ui/page/")] == []
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as opened_sdist:
        inside = {name.partition("/")[2] for name in opened_sdist.getnames()}
    assert built <= inside
    assert "flowbackup/ui/page/package-lock.json" in inside
    assert [name for name in inside if "node_modules" in name] == []


def test_versions_are_exact_and_the_lock_names_no_host() -> None:
    wanted = json.loads((PAGE / "package.json").read_text())
    for version in (*wanted["dependencies"].values(), *wanted["devDependencies"].values()):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), version
    packages = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        package.pop("funding", None)
        assert "://" not in json.dumps(package), name
        assert "integrity" in package or not name
