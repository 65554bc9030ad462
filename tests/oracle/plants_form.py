"""Faults of form: what a reader of one line sees.  Each is a value, perhaps YAML as it is, that
takes the place of another one, or stands where there was none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.oracle.model import Graph, Keys, Raw, Twin
from tests.oracle.parts import PARTS
from tests.oracle.plot import NoRoom, Planted, Planter, Plot, planted


class Form(NamedTuple):
    """part: to what it happens.  key, value: what is written there, None for taken away.  at: the
    keys inside the part whose place is told; the key unless given."""

    part: str
    key: str
    value: Any
    rule: str
    remedy: str
    at: Keys | None = None


LONG = "x" * 65
_AT_VALUES = ("trap", "anchor", "alias", "tag", "depth")
"""Rules that tell the place of a value, others that of its key."""
MAPPING = Raw("{a: b}")
HOOK = {"when": "after", "run": ["x"]}

FORMS: tuple[Form, ...] = (
    # words that readers of YAML understand differently
    Form("graph", "graph", Raw("no"), "trap", "in quotes"),
    Form("graph", "graph", Raw("1:30"), "trap", "in quotes"),
    Form("graph", "graph", Raw("1e3"), "trap", "Write all digits"),
    Form("graph", "graph", Raw(".NaN"), "trap", "Write a number"),
    Form("graph", "sync_seconds", Raw("-.inf"), "trap", "Write a number"),
    Form("graph", "graph", Raw("2026-01-01"), "trap", "in quotes"),
    Form("graph", "copies", Raw("0x10"), "trap", "plain decimal"),
    Form("graph", "copies", Raw("1_000"), "trap", "plain decimal"),
    Form("graph", "copies", Raw("9" * 30), "trap", "smaller one"),
    Form("graph", "copies", Raw("~"), "trap", "Leave the whole line out"),
    Form("node", Raw("7"), MAPPING, "trap", "in quotes"),
    Form("client", Raw("yes"), Raw("/srv"), "trap", "in quotes"),
    # what YAML allows and a graph does not
    Form("graph", "graph", Raw("&anchor g"), "anchor", "Delete it"),
    Form("device", "node", Raw("*anchor"), "alias", "Write the value out"),
    Form("group", "buffers", Raw("!!int 24"), "tag", "Delete it"),
    Form("device", "staging", Raw("[" * 17 + "]" * 17), "depth", "five"),
    Form("graph", Raw("[a]"), Raw("b"), "key", "Write a name"),
    # keys
    Form("graph", "copie", 3, "unknown-key", 'Did you mean "copies"?'),
    Form("node", "label", MAPPING, "unknown-key", 'Did you mean "labels"?'),
    Form("client", "objcts", MAPPING, "unknown-key", 'Did you mean "objects"?'),
    Form("object", "buffer", "x", "unknown-key", 'Did you mean "buffers"?'),
    Form("object", "exclud", ["x"], "unknown-key", 'Did you mean "exclude"?'),
    Form("device", "pth", "/x", "unknown-key", 'Did you mean "path"?'),
    Form("group", "bufers", 8, "unknown-key", 'Did you mean "buffers"?'),
    Form("group", "zzzzzz", 8, "unknown-key", "Known keys are"),
    Form("select", "version", "all", "unknown-key", 'Did you mean "versions"?'),
    Form("staging", "copy", 1, "unknown-key", 'Did you mean "copies"?'),
    Form("coupling", "lag", 1, "unknown-key", 'Did you mean "lag_max"?'),
    Form("graph", "graph", None, "missing", 'Write "graph: ..."'),
    Form("group", "devices", None, "missing", 'Write "devices: ..."', at=()),
    Form("coupling", "to", None, "missing", 'Write "to: ..."', at=()),
    Form("staging", "copies", None, "missing", 'Write "copies: ..."', at=()),
    # kinds of values
    Form("graph", "graph", Raw("17"), "type", "Put it in quotes"),
    Form("graph", "graph", Raw(""), "type", "leave the line out"),
    Form("graph", "copies", Raw("1.5"), "type", "a whole number"),
    Form("graph", "copies", Raw('"two"'), "type", "a whole number"),
    Form("graph", "copies", Raw("true"), "type", "a whole number"),
    Form("graph", "sync_seconds", Raw("soon"), "type", "a number"),
    Form("graph", "nodes", Raw("[a]"), "type", "keys with values"),
    Form("client", "objects", Raw("[a]"), "type", "keys with values"),
    Form("node", "labels", {"rack": 7}, "type", "in quotes", at=("labels", "rack")),
    Form("group", "devices", Raw("nas"), "type", "a list"),
    Form("group", "devices", [5], "type", "Put it in quotes", at=("devices", 0)),
    Form("object", "exclude", Raw("x"), "type", "a list"),
    Form("object", "exclude", [7], "type", "in quotes", at=("exclude", 0)),
    Form("object", "one_file_system", "maybe", "type", "true or false"),
    Form("device", "node", Raw("5"), "type", "Put it in quotes"),
    Form("device", "kind", "floppy", "type", '"directory", "null"'),
    Form("device", "path", Raw("[a]"), "type", "Write a text"),
    Form("device", "staging", Raw('"x"'), "type", "keys with values"),
    Form("mirror", "on_failure", "ignore", "type", '"required" or "optional"'),
    Form("mirror", "when_slow", "stop", "type", '"block" or "detach"'),
    Form("head", "assign", "byte", "type", '"frame" or "object"'),
    Form("copy", "after", "lunch", "type", '"session" or "command"'),
    Form("select", "versions", "some", "type", '"session", "latest" or "all"'),
    Form("graph", "transport", "pigeon", "type", '"direct" or "object-store"'),
    Form("graph", "engine", "steam", "type", '"auto", "local" or "ray"'),
    # limits
    Form("graph", "copies", 0, "type", "at least 1"),
    Form("graph", "sync_seconds", 0, "type", "above 0"),
    Form("graph", "sync_seconds", Raw("-0.5"), "type", "above 0"),
    Form("graph", "sync_seconds", 3601, "type", "at most 3600"),
    Form("group", "buffers", 0, "type", "at least 1"),
    Form("group", "buffers", -1, "type", "at least 1"),
    Form("group", "buffers", 65537, "type", "at most 65536"),
    Form("mirror", "level", 0, "type", "at least 1"),
    Form("select", "below", 0, "type", "at least 1"),
    # sizes, rates, durations, hours
    Form("graph", "compression", "gzip", "value", "zstd: 9"),
    Form("graph", "compression", {"zstd": 20}, "value", "Write one of 1 to 19"),
    Form("graph", "compression", Raw("3"), "value", "Write none, zstd"),
    Form("graph", "frame_size", 0, "value", "positive size"),
    Form("graph", "frame_size", -1, "value", "positive size"),
    Form("graph", "frame_size", Raw("-8 MiB"), "value", "positive size"),
    Form("graph", "frame_size", "8 MB", "value", "such as 8 MiB"),
    Form("graph", "frame_size", "1 KiB", "value", "8 MiB to 64 MiB"),
    Form("graph", "frame_size", "1 TiB", "value", "8 MiB to 64 MiB"),
    Form("graph", "frame_size", Raw("8.5"), "value", "Write bytes"),
    Form("graph", "frame_size", Raw("true"), "value", "Write bytes"),
    Form("graph", "frame_size", Raw('"0.3 B"'), "value", "Write 8 MiB"),
    Form("graph", "sync_size", "8 MiX", "value", "Use B, KiB"),
    Form("graph", "sync_size", "MiB 8", "value", "Write a number and a unit"),
    Form("graph", "sync_size", "é", "value", '"8 MiB"'),
    Form("graph", "sync_size", Raw("9999999 TiB"), "value", "smaller one"),

    Form("device", "block_size", 1000, "value", "Write 4096"),
    Form("device", "rate_limit", "fast", "value", ""),
    Form("directory", "media_size", "1 KiB", "value", "Write media_size: 1 MiB", at=()),
    Form("mirror", "lag_max", -1, "value", "positive size"),
    Form("staging", "keep", "7 moons", "value", "7d, 12h or 30 min"),
    Form("staging", "keep", -1, "value", "7d, 12h or 30 min"),
    Form("object", "exclude_larger_than", -1, "value", "positive size"),
    Form("object", "exclude_older_than", "7 moons", "value", "7d, 12h or 30 min"),
    Form("select", "since", Raw("5300 w"), "value", "shorter one"),
    Form("written", "rate_windows", {"noon": 1}, "value", "mon-fri", at=("rate_windows", "noon")),
    Form("written", "rate_windows", {"09:00-09:00": 1}, "value", "00:00-24:00",
         at=("rate_windows", "09:00-09:00")),
    Form("written", "rate_windows", {"09:00-25:00": 1}, "value", "mon-fri",
         at=("rate_windows", "09:00-25:00")),
    Form("written", "rate_windows", {"mon-tue-wed 09:00-10:00": 1}, "value", "mon-fri",
         at=("rate_windows", "mon-tue-wed 09:00-10:00")),
    Form("written", "rate_windows", {"mon,xxx 09:00-10:00": 1}, "value", "Write mon, tue",
         at=("rate_windows", "mon,xxx 09:00-10:00")),
    # names, paths, patterns
    Form("graph", "graph", "../x", "value", "begin with a letter"),
    Form("graph", "graph", Raw('"<b>x</b>"'), "value", 'as in "b-x-b"'),
    Form("graph", "graph", Raw('"a\\u0007b"'), "value", "begin with a letter"),
    Form("graph", "graph", LONG, "value", "at most 64"),
    Form("graph", "graph", Raw('""'), "value", "Write a name"),
    Form("graph", "catalog", Raw('""'), "value", "Write where it is"),
    Form("object", "path", "~/www", "value", "in full"),
    Form("object", "path", Raw('"/a\\0b"'), "value", "without them"),
    Form("object", "path", Raw('"/a\\udce9"'), "value", "any bytes"),
    Form("device", "path", "/" + "x" * 4096, "value", "shorter one"),
    Form("object", "group", "a.b", "value", "begin with a letter"),
    Form("select", "objects", [""], "value", '"web/*"', at=("objects", 0)),
    Form("object", "exclude", [""], "value", '"*.tmp"', at=("exclude", 0)),
    Form("object", "exclude", ["x", "/"], "value", '"*.tmp"', at=("exclude", 1)),
    Form("object", "exclude", ["#x"], "value", "or delete it", at=("exclude", 0)),
    Form("object", "exclude", ["x" * 1025], "value", "at most 1024", at=("exclude", 0)),
    Form("select", "pool", "a b", "value", "begin with a letter"),
    # ends of couplings, and pinned buffers
    Form("object", "buffers", "nas", "value", "device[0:4]"),
    Form("object", "buffers", "nas[4:4]", "value", "one behind the last"),
    Form("object", "buffers", "nas[0:9999999]", "value", "Ranges end at"),
    Form("object", "buffers", 4, "value", "device[0:4]"),
    Form("mirror", "mirrors", "../x", "value", "group.device"),
    Form("mirror", "mirrors", 5, "value", "group.device"),
    Form("coupling", "from", "a[4:3]", "value", "one behind the last"),
    Form("couplings", "", "a -> b -> c", "value", "one coupling per item"),
    Form("couplings", "", "a", "value", "source -> target"),
    Form("couplings", "", 5, "type", "keys with values"),
    # parts that contradict themselves
    Form("directory", "path", None, "value", "as in path: /mnt/nas", at=()),
    Form("directory", "kind", Raw('"null"'), "value", "Delete the path", at=()),
    Form("swallowing", "staging", Raw("{copies: 1}"), "value", "Delete media_size", at=()),
    Form("swallowing", "media_size", "1 TiB", "value", "Delete media_size", at=()),
    Form("directory", "url", "s3://media", "value", "Write kind: s3", at=()),
    Form("bucket", "path", "/mnt/x", "value", "Delete the path", at=()),
    Form("bucket", "url", None, "value", "as in url: s3://", at=()),
    Form("bucket", "url", "https://media/x", "value", "Write it as s3://", at=()),
    Form("bucket", "url", "s3://Media", "value", "Write it as s3://", at=()),
    Form("bucket", "url", "s3://me:key@media/x", "value", "Keys are taken", at=()),
    Form("bucket", "url", "s3://media/a b", "value", "Use letters", at=()),
    Form("bucket", "endpoint", "host", "value", "as in endpoint: https://", at=()),
    Form("bucket", "endpoint", "https://me@host", "value", "stand in no graph", at=()),
    Form("bucket", "region", "a b", "value", "as in region: ", at=()),
    Form("served", "endpoint", "https://host", "value", "Delete the endpoint", at=()),
    Form("directory", "changer", "/dev/sg0", "value", "Delete it", at=()),
    Form("tape", "staging", Raw("{copies: 1}"), "value", "Delete staging", at=()),
    Form("tape", "media_size", "1 TiB", "value", "Delete media_size", at=()),
    Form("brought", "region", "eu-1", "value", "or the url", at=()),
    Form("tree", "path", None, "value", "as in path: /srv/www", at=()),
    Form("tree", "options", {"a": "b"}, "value", "Write a source", at=()),
    Form("fed", "options", {"a": ["b"]}, "value", "true or false"),
    Form("fed", "options", {"a": LONG * 99}, "value", "Write it without them"),
    Form("tree", "command", ["true"], "value", "Keep one", at=()),
    Form("tree", "stdin", True, "value", "Keep one", at=()),
    Form("command", "command", "pg_dump x", "value", "list of words"),
    Form("command", "command", Raw("[]"), "value", "a program and its arguments"),
    Form("command", "command", [""], "value", "without NUL", at=("command", 0)),
    Form("command", "silence_max", "soon", "value", "as in 7d"),
    Form("command", "exclude", ["*.tmp"], "value", "Delete what says", at=()),
    Form("command", "silence_max", 0, "value", "silence_max: 1 h", at=()),
    Form("group", "devices", Raw("[]"), "value", "Name at least one", at=()),
    # chunks
    Form("tree", "chunking", {"min": 65536}, "value", "Write kind: fastcdc"),
    Form("tree", "chunking", {"size": 1024}, "value", "Write 64 KiB to 16 MiB"),
    Form("tree", "chunking", {"kind": "fastcdc", "size": 65536, "min": 65536}, "value",
         "Write a min below size"),
    # retention
    Form("graph", "retention", {"copies": 2}, "value", "last: 7"),
    Form("object", "retention", {"last": 0}, "value", "last: 7"),
    Form("object", "retention", {"tags": ["a b"]}, "value", "without spaces",
         at=("retention", "tags", 0)),
    Form("object", "retention", {"lsat": 1}, "unknown-key", 'Did you mean "last"?',
         at=("retention", "lsat")),
    Form("graph", "retention", {"weekyl": 1}, "unknown-key", 'Did you mean "weekly"?',
         at=("retention", "weekyl")),
    # hooks and notices
    Form("graph", "hooks", [{"when": "after"}], "value", "Write run", at=("hooks", 0)),
    Form("graph", "hooks", [{**HOOK, "shell": "x"}], "value", "Keep one",
         at=("hooks", 0)),
    Form("graph", "hooks", [{**HOOK, "background": True, "on_error": "fail"}], "value",
         "Delete background", at=("hooks", 0)),
    Form("object", "hooks", [{**HOOK, "timeout": 0}], "value",
         "timeout: 1 h", at=("hooks", 0)),
    Form("graph", "notices", [{"url": "ftp://x"}], "value", "as in https",
         at=("notices", 0, "url")),
    Form("graph", "notices", [{"url_env": "a b"}], "value", "as in NOTICE_URL",
         at=("notices", 0, "url_env")),
    Form("graph", "notices", [{"style": "plain"}], "value", "Write url", at=("notices", 0)),
    Form("graph", "notices", [{"url_env": "A", "url_file": "/b"}], "value", "Keep one",
         at=("notices", 0)),
    Form("graph", "notices", [{"url_env": "A", "when": []}], "value", "Write when",
         at=("notices", 0)),
    Form("written", "min", 999, "value", "Lower min", at=()),
)  # fmt: skip


def plant_form(form: Form, plot: Plot) -> Planted:
    """Writes the value; NoRoom where the graph has no such part."""
    keys, part = _part(form, plot)
    if form.value is None:
        if form.key not in part:
            raise NoRoom
        del part[form.key]
    elif form.part == "couplings":
        part["couplings"].append(form.value)
        keys = (*keys, len(part["couplings"]) - 1)
    else:
        part[form.key] = form.value
    at = (form.key,) if form.at is None and form.part != "couplings" else form.at or ()
    is_value = form.rule in _AT_VALUES and not isinstance(form.key, Raw)
    return planted(form.rule, form.remedy, *keys, *at, is_value=is_value)


def _part(form: Form, plot: Plot) -> tuple[Keys, Graph]:
    """A part of that kind, new or old."""
    graph = plot.graph
    if form.part == "graph":
        return (), graph
    if form.part == "couplings":
        graph.setdefault("couplings", [])
        return ("couplings",), graph
    return PARTS[form.part](plot)


def key_twice(plot: Plot) -> Planted:
    """A key beside itself, anywhere."""
    keys, part = plot.pick([((), plot.graph), *_all_parts(plot)])
    key = plot.pick(part)
    twin = Twin(key)
    part[twin] = part[key]
    return planted("doubled-key", "Delete one of the two", *keys, twin)


def bad_name(plot: Plot) -> Planted:
    """Of a part: the place is its key."""
    section, part = plot.pick(
        (("nodes", {}), ("devices", {"kind": "null"}), ("mirror_groups", {"devices": ["x"]}))
    )
    wrong = plot.random.choice(("-nas", "na/s", "n\u0430s", LONG, ""))
    plot.graph.setdefault(section, {})[wrong] = part
    return planted("value", "ame", section, wrong)


def object_called_latest(plot: Plot) -> Planted:
    keys, item = plot.object()
    plot.graph["clients"][keys[1]]["objects"]["Latest"] = item
    return planted("value", "Choose another name", *keys[:3], "Latest")


def min_above_max(plot: Plot) -> Planted:
    keys, _, group = plot.group("backup", "mirror", "copy")
    group["devices"] = [*group["devices"], plot.device()]
    group |= {"min": 2, "max": 1}
    return planted("value", "Exchange them", *keys)


def _all_parts(plot: Plot) -> list[tuple[Keys, Graph]]:
    found: list[tuple[Keys, Graph]] = []
    for section in ("devices", "clients", "backup_groups", "mirror_groups", "copy_groups"):
        found += [((section, name), p) for name, p in plot.graph.get(section, {}).items() if p]
    return found


PLANTERS: tuple[Planter, ...] = (key_twice, bad_name, object_called_latest, min_above_max)
