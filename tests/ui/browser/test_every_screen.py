"""Each screen, light and dark, wide and narrow: nothing sticks out, nobody is shut out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.ui.browser.conftest import ROOT, SHOTS
from tests.ui.browser.tab import Tab
from tests.ui.browser.test_drawing import KEPT

AXE = ROOT / "flowbackup" / "ui" / "page" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = {
    "home": "#/", "design": "#/design", "designer": "#/design/{graph}", "plan": "#/plan/{graph}",
    "run": "#/run", "catalog": "#/catalog", "restore": "#/restore", "devices": "#/devices",
    "retention": "#/retention", "sessions": "#/sessions",
}  # fmt: skip
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
# The other two differ from these in what these two differ in.
QUICK = ((1280, "light"), (390, "dark"))


@pytest.mark.parametrize(
    ("width", "colours"),
    [pytest.param(*look, marks=() if look in QUICK else pytest.mark.slow) for look in LOOKS],
)
def test_screens_fit_and_are_open_to_everybody(
    chromium: Browser, address: str, folder: Path, width: int, colours: Any
) -> None:
    graph = folder / "kept.yaml"
    graph.write_text(KEPT)
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=colours, locale="en-US",
        reduced_motion="reduce",
    )  # fmt: skip
    tab = Tab(context.new_page(), SHOTS)
    tab.page.goto(address)
    tab.page.get_by_role("navigation").wait_for()
    faults = []
    for name, place in SCREENS.items():
        tab.go(place.format(graph=graph))
        faults += faults_of(tab, f"{name}-{width}-{colours}", width)
        for view in ("Table", "Text") if name == "designer" else ():
            tab.page.get_by_role("tab", name=view).click()
            faults += faults_of(tab, f"{name}-{view.lower()}-{width}-{colours}", width)
        if name == "designer":
            tab.page.get_by_role("button", name="Keys").click()
            faults += faults_of(tab, f"{name}-keys-{width}-{colours}", width)
            tab.page.keyboard.press("Escape")
    context.close()
    assert faults == []
    assert tab.complaints == []


def faults_of(tab: Tab, name: str, width: int) -> list[str]:
    """What sticks out, and who is shut out; a picture is left for those who look."""
    tab.shown()
    tab.shot(name)
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    faults = [f"{name} is {wide} pixels wide"] if wide > width else []
    return faults + [f"{name}: {fault}" for fault in serious_faults(tab)]


def serious_faults(tab: Tab) -> list[str]:
    """What axe calls serious or critical."""
    page = tab.page
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})"
    )
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]
