"""A server of the page, and a Chromium that opens it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.ui.browser.tab import WAIT_MILLISECONDS, Tab

ROOT = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BUILT = ROOT / "flowbackup" / "ui" / "built" / "index.html"
SHOTS = ROOT / "build" / "page-shots"
# It runs as root in containers, and calls nobody.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ends with its tests: while Playwright runs, its event loop is that of the thread."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    if not BUILT.is_file():
        pytest.skip("the page is not built: make page")
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=WAIT_MILLISECONDS
        )
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The root that the page may use."""
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def address(folder: Path, tmp_path: Path) -> Iterator[str]:
    """What `flowbackup ui` prints."""
    command = [
        sys.executable, "-c", "from flowbackup.cli.main import main; main()", "ui", "--no-browser",
        "--root", str(folder), "--catalog", str(tmp_path / "catalog.sqlite"),
    ]  # fmt: skip
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "#token=" in line:
                yield next(word for word in line.split() if "#token=" in word)
                break
        server.terminate()


@pytest.fixture
def tab(chromium: Browser, address: str) -> Iterator[Tab]:
    """A tab with the page; what the browser complains of fails the test."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce"
    )
    tab = Tab(context.new_page(), SHOTS)
    tab.page.goto(address)
    tab.page.get_by_role("navigation").wait_for()
    yield tab
    context.close()
    assert tab.complaints == []
