"""The chain designer as somebody uses it: by mouse, by keyboard alone, and as text."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from flowbackup.plan.making import check
from flowbackup.spec.document import load_graph
from flowbackup.spec.finding import Severity
from tests.ui.browser.tab import Tab

RUN_MILLISECONDS = 60_000


def test_a_chain_is_drawn_from_nothing_by_mouse(tab: Tab, folder: Path) -> None:
    page = tab.page
    tab.design_new("drawn")
    for part in (
        "Add a client", "Add a backup group", "Add a mirror group", "Add a mirror group",
        "Add a mirror group", "Add a restore group", "Add a copy group",
    ):  # fmt: skip
        page.get_by_role("button", name=part, exact=True).click()
    tab.box_count(7)
    tab.arrange()
    tab.shot("designer-seven-boxes")
    tab.drag(tab.end("group/primary"), tab.title("group/mirror"))
    tab.drag(tab.end("group/mirror"), tab.title("group/mirror2"))
    tab.drag(tab.end("group/readers"), tab.title("group/archive"))
    # Half of the buffers of the agent go to a third mirror.
    tab.choose_buffers("primary.disk1", 0, 4, 8)
    tab.drag(tab.end("agent/primary.disk1"), tab.box("agent/mirror3.disk4"), part=0.4)
    # The object is what those buffers hold: it is dragged to them.
    tab.choose_buffers("primary.disk1", 0, 4, 8)
    tab.drag(tab.end("object/data"), tab.box("agent/primary.disk1"))
    tab.arrange()
    expect(page.locator(".problems-head")).to_have_text("No problems")
    tab.shot("designer-drawn-by-mouse")
    _save(tab, "drawn.yaml")
    _check_chain(folder / "drawn.yaml", "mirror", "mirror2", "mirror3", "archive")
    # What was drawn runs.
    (folder / "data").mkdir()
    (folder / "data" / "file").write_bytes(bytes(range(256)) * 4096)
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Make media of device directories").check()
    dialog.get_by_role("button", name="Run", exact=True).click()
    end = page.get_by_label("How it ended")
    expect(end.locator(".state-light").first).to_have_text("success", timeout=RUN_MILLISECONDS)
    tab.shot("run-of-what-was-drawn")
    held = {device.name for device in (folder / "devices").iterdir() if any(device.iterdir())}
    assert held == {f"disk{number}" for number in range(1, 6)}


def test_the_same_chain_is_drawn_by_keyboard_alone(tab: Tab, folder: Path) -> None:
    page = tab.page
    tab.go("#/design")
    page.get_by_label("Name").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    page.locator(".canvas-empty").wait_for()
    keyboard = page.keyboard
    keyboard.press("t")
    expect(page.get_by_role("button", name="Add client")).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_label("Name of client client")).to_be_focused()
    keyboard.type("web")
    keyboard.press("Enter")
    expect(page.get_by_label("Name of client web")).to_be_visible()
    for key, name in (("backup", "primary"), ("mirror", "second"), ("mirror", "third"),
                      ("mirror", "half"), ("restore", "readers"), ("copy", "archive")):  # fmt: skip
        add = page.get_by_role("button", name=f"Add {key} group")
        add.focus()
        keyboard.press("Enter")
        focused = page.locator("input:focus")
        expect(focused).to_have_attribute("data-name", _FIRST[key])
        keyboard.press("Control+A")
        keyboard.type(name)
        keyboard.press("Enter")
        expect(page.get_by_label(f"Name of {key} {name}")).to_be_visible()
    for line in (
        "primary -> second", "second -> third", "readers -> archive",
        "primary.disk1[0:4] -> half.disk4[0:4]",
    ):  # fmt: skip
        page.get_by_label("New coupling").focus()
        keyboard.type(line)
        keyboard.press("Enter")
        expect(page.get_by_label("New coupling")).to_have_value("")
        tab.settled()
    # One device too many is made, and deleted.
    page.get_by_role("button", name="Add device").focus()
    keyboard.press("Enter")
    expect(page.get_by_label("Name of device disk6")).to_be_focused()
    page.get_by_label("Delete disk6", exact=True).focus()
    keyboard.press("Enter")
    expect(page.get_by_label("Name of device disk6")).to_have_count(0)
    page.get_by_label("Buffers of data").focus()
    keyboard.type("disk1[0:4]")
    keyboard.press("Enter")
    tab.settled()
    tab.shot("designer-written-by-keyboard")
    keyboard.press("Escape")
    keyboard.press("Control+s")
    page.get_by_role("textbox", name="File").wait_for()
    keyboard.press("Tab")
    save = page.get_by_role("dialog").get_by_role("button", name="Save", exact=True)
    expect(save).to_be_enabled()
    save.focus()
    keyboard.press("Enter")
    tab.said("Saved /")
    _check_chain(folder / "typed.yaml", "second", "third", "half", "archive")


_FIRST = {"backup": "primary", "mirror": "mirror", "restore": "readers", "copy": "archive"}


def test_an_illegal_coupling_says_why(tab: Tab) -> None:
    page = tab.page
    tab.design_new("refused")
    page.get_by_role("button", name="Add a backup group").click()
    page.get_by_role("button", name="Add a copy group").click()
    page.get_by_role("button", name="Add a mirror group").click()
    tab.box_count(3)
    tab.arrange()
    begin = tab.end("group/primary")
    tab.begin_coupling(begin)
    expect(tab.box("group/mirror")).to_have_attribute("data-legal", "yes")
    expect(tab.box("group/archive")).to_have_attribute("data-legal", "no")
    tab.shot("designer-while-drawing")
    page.mouse.up()
    tab.drag(begin, tab.title("group/archive"))
    refusal = page.locator(".refusal")
    expect(refusal).to_contain_text(
        'backup group "primary" feeds "archive", which is a copy group. '
        'Feed "archive" from a restore group'
    )
    tab.shot("designer-refusal")
    expect(page.locator(".line.feeds")).to_have_count(0)
    # In the table the same rules refuse, ranges included.
    page.keyboard.press("k")
    page.get_by_label("New coupling").fill("primary.disk1[0:9] -> mirror.disk3[0:9]")
    page.get_by_label("New coupling").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="ends at 9")).to_be_visible()
    assert "primary" not in tab.text().split("mirror_groups")[1]


def test_a_template_is_a_beginning_and_keys_are_listed(tab: Tab) -> None:
    page = tab.page
    tab.go("#/design")
    page.get_by_label("Name").fill("weekly")
    page.get_by_role("button", name="half-mirrored").click()
    expect(page.get_by_role("heading", name="weekly")).to_be_visible()
    expect(page.locator(".line.feeds")).to_have_count(1)
    expect(page.locator(".problems-head")).to_have_text("No problems")
    expect(page.get_by_label("What it would need")).to_contain_text("MiB")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Add a mirror group")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # By keys to a box, and it is chosen; then it is gone, and comes back.
    page.locator(".react-flow__node", has_text="mirror").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mirror group")).to_be_visible()
    count = page.locator(".react-flow__node").count()
    page.keyboard.press("Delete")
    tab.box_count(count - 1)
    page.keyboard.press("Control+z")
    tab.box_count(count)


def test_canvas_form_and_text_say_the_same_and_comments_stay(tab: Tab, folder: Path) -> None:
    (folder / "kept.yaml").write_text(KEPT)
    page = tab.page
    tab.go(f"#/design/{folder}/kept.yaml")
    tab.box_count(3)
    page.get_by_role("button", name="offsite", exact=True).click()
    page.get_by_label("Buffers").fill("16")
    page.get_by_label("Buffers").press("Enter")
    text = tab.text()
    assert "buffers: 16" in text
    assert "# the small one" in text and "# goes home on Fridays" in text
    area = page.get_by_label("Text of the graph")
    area.fill(text.replace("usb:", "stick:").replace("[usb]", "[stick]"))
    expect(tab.box("agent/offsite.stick")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(tab.box("agent/offsite.usb")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    expect(tab.box("agent/offsite.stick")).to_be_visible()
    area.fill(text.replace("mirrors: primary", "mirrors: primry"))
    problem = page.locator(".problems li button").filter(has_text='"primry"')
    expect(problem).to_contain_text('Did you mean "primary"?')
    problem.click()
    selected = area.evaluate("a => a.value.slice(a.selectionStart, a.selectionEnd)")
    assert "primry" in selected and "\n" not in selected
    area.fill("graph: [")
    expect(page.locator(".problems-head .state-light")).to_contain_text("problem")
    expect(tab.box("group/offsite")).to_be_visible()


def test_a_file_that_was_changed_meanwhile_is_not_lost(tab: Tab, folder: Path) -> None:
    file = folder / "kept.yaml"
    file.write_text(KEPT)
    page = tab.page
    tab.expected.append("409")
    tab.go(f"#/design/{folder}/kept.yaml")
    tab.box_count(3)
    page.get_by_role("button", name="offsite", exact=True).click()
    page.get_by_label("Buffers").fill("16")
    page.get_by_label("Buffers").press("Enter")
    tab.settled()
    theirs = KEPT.replace("path: data", "path: elsewhere")
    file.write_text(theirs)
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("buffers: 16")
    tab.shot("designer-save")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("changed by somebody else")
    expect(dialog).to_contain_text("path: elsewhere")
    assert file.read_text() == theirs
    tab.shot("designer-changed-meanwhile")
    dialog.get_by_role("button", name="Save mine over it").click()
    tab.said("Saved /")
    assert "buffers: 16" in file.read_text()


KEPT = """\
# Every night.
graph: kept
clients:
  web:
    objects:
      site: {path: data}
devices:
  nas: {path: devices/nas}
  usb: {path: devices/usb}      # the small one
backup_groups:
  primary: {devices: [nas]}
mirror_groups:
  # goes home on Fridays
  offsite: {mirrors: primary, devices: [usb]}
"""


def _save(tab: Tab, name: str) -> None:
    page = tab.page
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="File").fill(name)
    dialog.get_by_role("button", name="Save", exact=True).click()
    tab.said("Saved /")


def _check_chain(file: Path, second: str, third: str, half: str, archive: str) -> None:
    document = load_graph(file)
    assert [f for f in check(document) if f.severity is Severity.ERROR] == []
    spec = document.spec
    assert str(spec.mirror_groups[second].mirrors) == "primary"
    assert str(spec.mirror_groups[third].mirrors) == second
    assert str(spec.copy_groups[archive].copies) == "readers"
    assert [str(c) for c in spec.couplings] == [f"primary.disk1[0:4] -> {half}.disk4[0:4]"]
    (client,) = spec.clients.values()
    assert str(client.objects["data"].buffers) == "disk1[0:4]"
