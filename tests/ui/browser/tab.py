"""What a user does in a tab, in the words of the page."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, expect
from playwright.sync_api import TimeoutError as WaitedInVain

Point = tuple[float, float]
WAIT_MILLISECONDS = 60_000
"""For whatever is to come: how soon it does depends on who shares the machine."""
LOOK_MILLISECONDS = 50
FRAMES_AT_REST = 5
"""What is still to be drawn comes in one of the next frames, however long these take."""
NEXT_FRAMES = """count => new Promise(done => {
  const next = left => left ? requestAnimationFrame(() => next(left - 1)) : done();
  next(count);
})"""
HEAR_TOASTS = """() => {
  window.toasts_heard = [];
  const hear = () => {
    for (const toast of document.querySelectorAll(".toast p")) {
      if (toast.heard) continue;
      toast.heard = true;
      window.toasts_heard.push(toast.textContent);
    }
  };
  new MutationObserver(hear).observe(document, { childList: true, subtree: true });
}"""
BEGIN_TRIES, BEGIN_MILLISECONDS = 4, 5000


class Tab:
    """complaints: what the browser said of errors, refused scripts and missing files."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self._shots = shots
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.add_init_script(f"({HEAR_TOASTS})()")
        page.on("console", self._hear)
        page.on("pageerror", lambda fault: self._complain(fault))

    def _hear(self, message: ConsoleMessage) -> None:
        said = message.text
        if message.type == "error" and not any(part in said for part in self.expected):
            self.complaints.append(said)

    def _complain(self, fault: Error) -> None:
        self.complaints.append(str(fault))

    def go(self, place: str) -> None:
        """To a hash of the page."""
        self.page.evaluate("place => { location.hash = place }", place)

    def design_new(self, name: str) -> None:
        """An empty canvas, over the start of the designer."""
        self.go("#/design")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_role("button", name="Begin with an empty canvas").click()
        self.box_count(0)

    def box_count(self, count: int) -> None:
        expect(self.page.locator(".react-flow__node")).to_have_count(count)

    def box(self, box: str) -> Locator:
        return self.page.locator(f'[data-box="{box}"]')

    def title(self, box: str) -> Locator:
        """What of a group is not one of its agents."""
        return self.box(box).locator("header")

    def end(self, handle: str) -> Locator:
        """From where couplings are drawn: "group/primary", "agent/primary.nas", "object/site"."""
        return self.page.locator(f'.react-flow__handle.source[data-handleid="{handle}"]')

    def drag(self, source: Locator, target: Locator, *, part: float = 0.5) -> None:
        """From the middle of one to the other; part: how far from its left.  Returns when it is
        made, or was refused."""
        self.begin_coupling(source)
        self.page.mouse.move(*_within(target, part), steps=12)
        self.page.mouse.up()
        self.settled()

    def arrange(self) -> None:
        """The boxes have their places, and all of them are seen: one that is outside of what is
        shown is not drawn.  None is near a border, where the canvas moves under the mouse for as
        long as that draws there."""
        self.page.get_by_role("button", name="Arrange").click()
        self.settled()
        self.page.evaluate(NEXT_FRAMES, FRAMES_AT_REST)
        for control in ("fitview", "zoomout"):
            self.page.locator(f".react-flow__controls-{control}").click()

    def begin_coupling(self, source: Locator) -> None:
        """The mouse is down, and the server has said where the coupling may end."""
        mouse, begun = self.page.mouse, self.page.locator(".canvas[data-coupling]")
        for _ in range(BEGIN_TRIES):
            begin = self._at_rest(source)
            mouse.move(*begin)
            mouse.down()
            mouse.move(begin[0] + 8, begin[1] + 2)
            try:
                begun.wait_for(timeout=BEGIN_MILLISECONDS)
            except WaitedInVain:
                # A busy machine moves the canvas late: it was at rest, and then not any more.
                mouse.up()
            else:
                return self.page.locator('.canvas[data-coupling="judged"]').wait_for()
        raise AssertionError(f"no coupling begins at {source}")

    def _at_rest(self, place: Locator) -> Point:
        """The middle of it, behind the movements of the canvas."""
        before, now = None, _middle(place)
        while now != before:
            self.page.evaluate(NEXT_FRAMES, FRAMES_AT_REST)
            before, now = now, _middle(place)
        return now

    def choose_buffers(self, agent: str, first: int, last: int, count: int) -> None:
        """Drags over the cells [first, last) of an agent."""
        strip = self.page.locator(f'.buffers[data-agent="{agent}"]')
        self._at_rest(strip)
        mouse = self.page.mouse
        mouse.move(*_within(strip, (first + 0.5) / count))
        mouse.down()
        mouse.move(*_within(strip, (last - 0.5) / count), steps=6)
        mouse.up()

    def settled(self) -> None:
        """What was asked for is done, and the server has said what it thinks of it."""
        self.page.locator(".designer:not([data-busy])").wait_for()

    def shown(self) -> None:
        """The screen of the address is drawn, with all that it asks the server for."""
        for waiting in (self.page.locator(".loading"), self.page.get_by_text("Loading…")):
            self.page.evaluate(NEXT_FRAMES, FRAMES_AT_REST)
            expect(waiting).to_have_count(0)
        self.page.evaluate(NEXT_FRAMES, FRAMES_AT_REST)

    def said(self, text: str) -> None:
        """The page says so in passing, or has said so: what it says goes by itself."""
        latest = time.monotonic() + WAIT_MILLISECONDS / 1000
        while not any(text in toast for toast in self.page.evaluate("window.toasts_heard")):
            assert time.monotonic() < latest, f"the page does not say {text}"
            self.page.wait_for_timeout(LOOK_MILLISECONDS)

    def text(self) -> str:
        """Of the text pane, which is left open."""
        self.page.get_by_role("tab", name="Text").click()
        self.settled()
        return self.page.get_by_label("Text of the graph").input_value()

    def shot(self, name: str) -> None:
        self._shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._shots / f"{name}.png")


def _middle(place: Locator) -> Point:
    return _within(place, 0.5)


def _within(place: Locator, part: float) -> Point:
    box = place.bounding_box()
    assert box is not None, f"{place} is not on the page"
    return box["x"] + box["width"] * part, box["y"] + box["height"] / 2
