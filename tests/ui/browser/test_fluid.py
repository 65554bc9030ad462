"""A graph of 500 agents stays fluid while its boxes are moved.

A machine that has other things to do makes frames late and never early, so the most fluid of some
drags is looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browser.tab import Tab

GROUPS = 50
DEVICES_EACH = 10
FRAMES_BETWEEN = 40
DRAGS_MAX = 8
FRAME_MILLISECONDS_MAX = 50
# Of the frames of a busy machine, which shares its processors with other tests.
LATE_FRAMES_MAX = 0.25

WATCH = """() => {
  window.frames_seen = [];
  let before = performance.now(); let on = true;
  const tick = now => {
    window.frames_seen.push(now - before); before = now;
    if (on) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  window.frames_stop = () => { on = false };
}"""


@pytest.mark.slow
def test_500_agents_are_moved_without_a_late_frame(tab: Tab, folder: Path) -> None:
    (folder / "large.yaml").write_text(large_graph())
    page = tab.page
    tab.go(f"#/design/{folder}/large.yaml")
    page.locator(".react-flow__node").first.wait_for()
    tab.settled()
    page.locator(".react-flow__controls-fitview").click()
    page.wait_for_timeout(1500)
    expect(page.locator(".agent")).to_have_count(GROUPS * DEVICES_EACH)
    tab.shot("designer-500-agents")
    fluid = any(is_fluid(frames_of_drag(page)) for _ in range(DRAGS_MAX))
    assert fluid, f"none of {DRAGS_MAX} drags was fluid"


def frames_of_drag(page: Page) -> list[float]:
    """How long each frame took while a box was moved to and fro, the quickest first."""
    header = page.locator(".group-box > header").nth(3)
    box = header.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH)
    for step in range(FRAMES_BETWEEN):
        there_and_back = min(step, FRAMES_BETWEEN - 1 - step)
        page.mouse.move(x + there_and_back * 8, y + there_and_back * 4)
        page.wait_for_timeout(16)
    page.evaluate("window.frames_stop()")
    page.mouse.up()
    return sorted(page.evaluate("window.frames_seen"))


def is_fluid(frames: list[float]) -> bool:
    middle, slow = frames[len(frames) // 2], frames[int(len(frames) * 0.95)]
    late = [frame for frame in frames if frame > FRAME_MILLISECONDS_MAX]
    print(f"{len(frames)} frames, the middle one {middle:.0f} ms, one of twenty over {slow:.0f} ms")
    return middle <= FRAME_MILLISECONDS_MAX and len(late) / len(frames) <= LATE_FRAMES_MAX


def large_graph() -> str:
    """A chain of 50 groups with 10 devices each."""
    lines = ["graph: large", "clients:", "  web: {objects: {site: {path: data}}}", "devices:"]
    names = [[f"d{g}-{d}" for d in range(DEVICES_EACH)] for g in range(GROUPS)]
    lines += [f"  {name}: {{path: devices/{name}}}" for group in names for name in group]
    lines += ["backup_groups:", f"  g0: {{devices: [{', '.join(names[0])}]}}", "mirror_groups:"]
    lines += [
        f"  g{g}: {{mirrors: g{(g - 1) // 3}, devices: [{', '.join(names[g])}]}}"
        for g in range(1, GROUPS)
    ]
    return "\n".join(lines) + "\n"
