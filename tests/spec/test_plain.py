"""What is read as plain is read as the library reads it, place by place; all else is left to it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from flowbackup.spec.plain import read_plain
from flowbackup.spec.strict import read_strict

GRAPHS = sorted((Path(__file__).resolve().parents[2] / "graphs").glob("*.yaml"))
WIDE = """\
a:                            # a comment
- x
- yy: 1
  z: [1, {a: b,
      c: "d"}]   # another
b:
  - {from: "p[0:1]", to: q,}

  -
    k: v
  - 'it'
c: -8 MiB
d: [ ]
e: {}
f: {a: , b: x}
g/h: "#not: a comment"
i: a#b -> c:d
j:
k: un été
"""
SIGNS = [*" \n:,-[]{}#'\"?&*!|>%@`~.0123456789abcnoyeE/_\t\\é\u2028\x85\r\ufeff"]
WORDS = [
    "- ", ": ", " #", "\n  ", "\n    ", "{a: b}", "[a, b]", "---\n", "...\n", "? ", "no", "1e3",
    '"x"', "'y'", "a: ", "- - ", " , ", ": #x", "a#b", "<<: ", "null", "|\n", "- a: b\n", "\n\n",
]  # fmt: skip


def spoilt(random: Random, text: str) -> str:
    """The text with a few signs, words or lines changed."""
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        at = random.randrange(len(text) + 1)
        kind = random.randrange(5)
        if kind == 0:
            text = text[:at] + random.choice(SIGNS) + text[at:]
        elif kind == 1:
            text = text[:at] + random.choice(WORDS) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at + random.randrange(1, 4) :]
        else:
            text = _with_lines_moved(random, text)
    return text


def _with_lines_moved(random: Random, text: str) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    kind = random.randrange(3)
    if kind == 0:
        lines[at] = " " * random.randrange(1, 4) + lines[at]
    elif kind == 1:
        lines[at] = lines[at][random.randrange(1, 4) :]
    else:
        lines.insert(random.randrange(len(lines) + 1), lines[at])
    return "\n".join(lines)


def compare(seeds: range) -> int:
    """How many spoilt texts are plain still; each of them says the same to both readers."""
    texts = [WIDE, *(file.read_text() for file in GRAPHS)]
    plain = 0
    for seed in seeds:
        random = Random(seed)
        text = spoilt(random, random.choice(texts))
        mine = read_plain(text, "x")
        if mine is not None:
            plain += 1
            theirs = read_strict(text, "x")
            said = f"seed {seed}: {text!r}"
            assert not theirs.findings, said
            assert repr(mine.value) == repr(theirs.value), said
            assert list(mine.places.items()) == list(theirs.places.items()), said
    return plain


@pytest.mark.parametrize("text", [WIDE, *(file.read_text() for file in GRAPHS)])
def test_graphs_are_plain(text: str) -> None:
    mine, theirs = read_plain(text, "x"), read_strict(text, "x")

    assert mine is not None, "the slow reader has to read it"
    assert (repr(mine.value), mine.places) == (repr(theirs.value), theirs.places)


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "- a\n", "a: &b c\n", "a: *b\n", "a: !b c\n", "a: b\n  c\n",
        "a: |\n  b\n", 'a: "b\\n"\n', "a: 'b''c'\n", 'a: "b\n  c"\n', "a: b\na: c\n",
        "a: no\n", "a: 1e3\n", "no: a\n", "5: a\n", "a: b: c\n", "a: [b: c]\n", "a: {b}\n",
        "a: [b\n", "a: [b]]\n",
        "a: [b,, c]\n", "a:\tb\n", "\ta: b\n", "a: b\r\n", "%YAML 1.1\n---\na: b\n", "---\na: b\n",
        "a: b\n---\n", "a: b\n...\n", "? a\n: b\n", "a: {b:c}\n", "a: [b\n]\n", "a: - b\n",
        "a:\n  b: c\n d: e\n", "a: b\n c: d\n", "a: \x07\n", "a: \u2028\n", "a: {b: c}d\n",
        'a: "b"c\n', 'a: "b"#c\n', "a: [b]#c\n", f"{'a' * 300}: b\n", "- - a\n", "a:\n  - - b\n",
        "a: {" * 20 + "}" * 20 + "\n", "a: b" + "#" * (1 << 20), "a: " + "é" * (1 << 19) + "\n",
    ],
)  # fmt: skip
def test_what_is_not_plain_beyond_doubt_is_left(text: str) -> None:
    assert read_plain(text, "x") is None


def test_spoilt_texts_are_read_alike() -> None:
    assert compare(range(800)) > 100


@pytest.mark.slow
def test_many_spoilt_texts_are_read_alike() -> None:
    assert compare(range(800, 60_000)) > 8_000
