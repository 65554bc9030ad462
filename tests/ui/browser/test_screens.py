"""The screens beside the designer, on a chain that really runs: watched, damaged, restored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from flowbackup.testing.compare import differences
from flowbackup.ui.pages import LIMIT_MAX
from tests.runtime.unended import Unended
from tests.ui.browser.chain import NASTY, Chain
from tests.ui.browser.conftest import SHOTS
from tests.ui.browser.tab import WAIT_MILLISECONDS, Tab
from tests.ui.browser.test_every_screen import LOOKS, serious_faults

RUN_MILLISECONDS = 60_000
RATE = re.compile("[1-9][0-9.]* [kM]B/s")
# Together they have both widths and both sets of colours.
QUICK = [(1280, "light"), (390, "dark")]


@pytest.fixture
def chain(folder: Path, tmp_path: Path) -> Chain:
    return Chain(folder, tmp_path / "catalog.sqlite")


@pytest.fixture
def other(chromium: Browser, address: str) -> Iterator[Page]:
    """A tab of another window."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MILLISECONDS)
    page.goto(address)
    page.get_by_role("navigation").wait_for()
    yield page
    context.close()


def ended(page: Page, outcome: str) -> None:
    """The run or restore that is shown has ended so."""
    end = page.get_by_label("How it ended")
    expect(end.locator(".state-light").first).to_have_text(outcome, timeout=RUN_MILLISECONDS)


def test_a_run_is_watched_by_two_tabs_and_changed(
    tab: Tab, other: Page, chain: Chain, tmp_path: Path
) -> None:
    unended = Unended(tmp_path)
    chain.instead_of_a_path(unended.written)
    with unended.ending():
        _watch_and_change(tab, other, chain)


def _watch_and_change(tab: Tab, other: Page, chain: Chain) -> None:
    """The run has no end until it is cancelled."""
    page = tab.page
    tab.go("#/run")
    page.get_by_role("button", name="Run a graph").click()
    page.get_by_label("Graph", exact=True).select_option(str(chain.graph))
    page.get_by_label("Make media of device directories").check()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("progressbar", name="Progress")).to_be_visible()
    picture = page.get_by_label("The graph as it runs")
    expect(picture.locator(".flow-label strong").first).to_contain_text(RATE)
    expect(picture.locator(".buffers").first).to_be_visible()
    table = page.get_by_label("Couplings")
    expect(table.get_by_role("row")).to_have_count(3)
    tab.shot("run-live-1280-light")

    other.evaluate("place => { location.hash = place }", page.evaluate("location.hash"))
    expect(other.get_by_role("progressbar", name="Progress")).to_be_visible()

    page.get_by_role("button", name="Bandwidth").click()
    page.get_by_label("At most").fill("2 MB/s")
    page.get_by_role("button", name="Set the limit").click()
    tab.said("The bandwidth is changed.")

    page.get_by_role("button", name="Attach a mirror").click()
    page.get_by_label("Directory, or device of the graph").fill(str(chain.folder / "third"))
    page.get_by_label("Make a medium of it if it is empty").check()
    page.get_by_role("button", name="Attach", exact=True).click()
    tab.said("The mirror is attached.")
    for each in (page, other):
        rows = each.get_by_label("Couplings").get_by_role("row")
        expect(rows.filter(has_text="third")).to_be_visible()

    page.get_by_role("button", name="Detach a mirror").click()
    mirror = page.get_by_label("Mirror", exact=True)
    (third,) = (name for name in mirror.locator("option").all_inner_texts() if "third" in name)
    mirror.select_option(third)
    page.get_by_role("button", name="Detach", exact=True).click()
    tab.said("The mirror is detached.")

    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_label("At once").check()
    page.get_by_role("button", name="Cancel the run").click()
    for each in (page, other):
        expect(each.get_by_label("How it ended")).to_be_visible(timeout=RUN_MILLISECONDS)
        expect(each.get_by_label("How it ended").locator(".state-light").first).not_to_have_text(
            "success"
        )


def test_what_a_damaged_device_has_lost_is_found_and_restored_from_the_other(
    tab: Tab, chain: Chain, other: Page, tmp_path: Path
) -> None:
    page = tab.page
    assert chain.run().exit_code == 0
    chain.damage("nas")

    tab.go("#/devices")
    nas = page.get_by_role("listitem").filter(has_text="nas")
    expect(nas.locator(".state-light")).to_have_text("never verified")
    nas.get_by_role("button", name="Verify").click()
    page.get_by_role("dialog").get_by_role("button", name="Verify").click()
    ended(page, "failed")
    expect(page.get_by_label("Problems")).to_contain_text("damaged")
    tab.go("#/devices")
    expect(nas.locator(".state-light")).to_contain_text("damaged")

    tab.go("#/restore")
    page.get_by_label("Folder").fill("back")
    page.get_by_role("button", name="Dry run").click()
    trial = page.get_by_label("What would happen")
    expect(trial.get_by_role("row").filter(has_text="usb")).to_contain_text(
        "is read", timeout=RUN_MILLISECONDS
    )
    assert not (chain.folder / "back").exists()
    page.get_by_role("button", name="Restore", exact=True).last.click()
    ended(page, "success")
    chain.leave_out("cache")
    assert list(differences(str(chain.source), str(chain.folder / "back"))) == []

    # The tab was closed, and another one finds the same.
    other.evaluate("place => { location.hash = place }", page.evaluate("location.hash"))
    ended(other, "success")

    tab.go("#/devices")
    nas.get_by_role("button", name="Repair").click()
    page.get_by_role("dialog").get_by_role("button", name="Repair").click()
    ended(page, "success")


def test_only_what_was_ticked_comes_back(tab: Tab, chain: Chain) -> None:
    page = tab.page
    chain.run()
    tab.go("#/restore")
    tree = page.locator(".tree")
    tree.get_by_label("Everything").uncheck()
    expect(page.get_by_role("button", name="Restore", exact=True).last).to_be_disabled()
    tree.get_by_label("media", exact=True).check()
    tree.get_by_role("button", name="Open media").click()
    tree.get_by_label("film1.bin").uncheck()
    tree.get_by_label("index.html").check()
    page.get_by_label("Folder").fill("some")
    page.get_by_role("button", name="Restore", exact=True).last.click()
    ended(page, "success")
    found = sorted(
        str(path.relative_to(chain.folder / "some"))
        for path in (chain.folder / "some").rglob("*")
        if path.is_file()
    )
    assert found == ["index.html", "media/film0.bin", "media/film2.bin", "media/film3.bin"]


def test_a_file_is_looked_at_through_time_and_downloaded(
    tab: Tab, chain: Chain, tmp_path: Path
) -> None:
    page = tab.page
    chain.run()
    (chain.source / "etc" / "site.conf").write_text("port = 9090\n")
    chain.run()
    tab.go("#/catalog")
    page.get_by_role("button", name="etc").click()
    page.get_by_role("button", name="site.conf").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".preview")).to_have_text("port = 9090\n")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "got")
    assert (tmp_path / "got").read_text() == "port = 9090\n"
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Changes").click()
    expect(page.locator(".differences li")).to_contain_text(["etc/site.conf"])
    page.get_by_role("tab", name="Why not").click()
    page.get_by_label("Path on this machine").fill("site/cache/page.html")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".verdicts")).to_contain_text("is left out")
    expect(page.locator(".verdicts")).to_contain_text("cache/")
    page.get_by_role("tab", name="Find").click()
    page.get_by_label("Name or pattern").fill("*.conf")
    page.keyboard.press("Enter")
    expect(page.locator(".entries li")).to_have_count(2)


def test_names_are_text_and_nothing_in_them_is_hidden(tab: Tab, chain: Chain) -> None:
    page = tab.page
    chain.run()
    tab.go("#/catalog?path=names")
    shown = page.locator(".entries .name")
    expect(shown).to_have_count(len(NASTY))
    assert sorted(shown.all_inner_texts()) == sorted(
        ["*", "<img src=x onerror=alert(1)>", "a\\u202egpj.exe", "two\\nlines"]
    )
    assert page.locator(".entries img").count() == 0


def test_only_what_was_shown_is_forgotten(tab: Tab, chain: Chain) -> None:
    page = tab.page
    for tag in ("gold", "", ""):
        (chain.source / "index.html").write_text(f"now {tag}")
        chain.run(*filter(None, [tag]))
    tab.go("#/retention")
    page.get_by_label("The newest", exact=True).fill("1")
    for period in ("days", "weeks", "months"):
        page.get_by_label(period).fill("")
    page.get_by_label("All with one of these tags").fill("gold")
    page.get_by_role("button", name="Show what would stay").click()
    rows = page.locator(".judged-object li")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("last 1 of 1")
    expect(rows.nth(1)).to_contain_text("no rule keeps it")
    expect(rows.nth(2)).to_contain_text("tag gold")
    page.get_by_role("button", name="Forget 1 version").click()
    page.get_by_role("button", name="Forget them").click()
    expect(rows).to_have_count(2, timeout=RUN_MILLISECONDS)


def test_what_would_happen_is_simulated_for_two_layouts(tab: Tab, chain: Chain) -> None:
    page = tab.page
    single = chain.graph.read_text().replace("nightly", "single").partition("mirror_groups")[0]
    beside = chain.folder / "single #2? 100%25.yaml"
    beside.write_text(single.replace("copies: 2\n", ""))
    tab.go(f"#/plan/{chain.graph}")
    page.get_by_label("Beside it").select_option(str(beside))
    page.get_by_role("button", name="+ a rate").click()
    first = page.get_by_role("group", name="Condition 1")
    first.get_by_label("If").select_option("usb")
    first.get_by_label("is as fast as").fill("20MB/s")
    page.get_by_role("button", name="+ a failure").click()
    page.get_by_role("group", name="Condition 2").get_by_label("If").select_option("nas")
    page.get_by_role("group", name="Condition 2").get_by_label("dies at").fill("60s")
    page.get_by_role("button", name="Simulate").click()
    table = page.get_by_label("Two layouts")
    expect(table.get_by_role("row").filter(has_text="takes")).to_be_visible(
        timeout=RUN_MILLISECONDS
    )
    expect(page.get_by_label("Prediction of nightly")).to_contain_text("usb")
    expect(page.get_by_label("Prediction of single")).to_be_visible()


def test_all_graphs_are_offered_however_many_there_are(tab: Tab, chain: Chain) -> None:
    page = tab.page
    for number in range(LIMIT_MAX + 5):
        (chain.folder / f"more{number}.yaml").write_text("graph: more\n")
    tab.go("#/design")
    links = page.locator(".graph-list a")
    expect(links).to_have_count(LIMIT_MAX)
    page.get_by_role("button", name="Show more").click()
    expect(links).to_have_count(LIMIT_MAX + 6)
    tab.go("#/plan")
    expect(page.get_by_label("Graph").locator("option")).to_have_count(LIMIT_MAX + 6)
    tab.go("#/run")
    page.get_by_role("button", name="Run a graph").click()
    choice = page.get_by_role("dialog").get_by_label("Graph")
    expect(choice.locator("option")).to_have_count(LIMIT_MAX + 6)


SCREENS = {
    "home": "#/", "run-ended": "#/sessions/{session}", "runs": "#/run", "catalog": "#/catalog",
    "catalog-time": "#/catalog?tab=time&place=web/site:index.html",
    "catalog-changes": "#/catalog?tab=changes", "catalog-find": "#/catalog?tab=find",
    "catalog-why": "#/catalog?tab=why", "restore": "#/restore", "devices": "#/devices",
    "retention": "#/retention", "sessions": "#/sessions", "plan": "#/plan/{graph}",
}  # fmt: skip


@pytest.mark.parametrize(
    ("width", "colours"),
    [pytest.param(*look, marks=[] if look in QUICK else pytest.mark.slow) for look in LOOKS],
)
def test_screens_with_data_fit_and_are_open_to_everybody(
    chromium: Browser, address: str, chain: Chain, width: int, colours: Any
) -> None:
    chain.run()
    (chain.source / "index.html").write_text("changed")
    session = chain.run("gold").session
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=colours, locale="en-US",
        reduced_motion="reduce",
    )  # fmt: skip
    tab = Tab(context.new_page(), SHOTS)
    tab.page.goto(address)
    tab.page.get_by_role("navigation").wait_for()
    faults = []
    for name, place in SCREENS.items():
        tab.go(place.format(session=session, graph=chain.graph))
        tab.shown()
        _act(tab.page, name)
        tab.shown()
        tab.page.screenshot(path=SHOTS / f"full-{name}-{width}-{colours}.png", full_page=True)
        wide = tab.page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{name} is {wide} pixels wide"] if wide > width else []
        faults += [f"{name}: {fault}" for fault in serious_faults(tab)]
    context.close()
    assert faults == []
    assert tab.complaints == []


def _act(page: Page, screen: str) -> None:
    """What makes a screen show what it is for."""
    if screen == "retention":
        page.get_by_role("button", name="Show what would stay").click()
        page.locator(".judged-object li").first.wait_for()
    if screen == "plan":
        page.get_by_role("button", name="Simulate").click()
        page.get_by_label("Prediction of nightly").wait_for()
    if screen == "catalog-find":
        page.get_by_label("Name or pattern").fill("*")
        page.keyboard.press("Enter")
        page.locator(".entries li").first.wait_for()
