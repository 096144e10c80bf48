"""Text of others is shown so that nothing in it acts, and so that what was there can be told."""

from __future__ import annotations

import io
import random
import re
import unicodedata

import pytest

from bench.running.progress import TerminalProgress
from bench.system.terminal import Screen
from bench.system.text import NEAREST, visible, within

ACTING = ["\x1b[2J", "\x1b]0;owned\x07", "\x9b1m", "\r", "\n", "\t", "\x00", "\x7f", "\x85"]
HIDING = ["\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\U000e0041", "\udcff", "\ue000"]
_WRITTEN = re.compile(r"\\(\\|n|r|t|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def as_was(shown: str) -> str:
    """Undo `visible`, by the rule that docs/surroundings.md states."""
    return _WRITTEN.sub(lambda m: m[0].encode().decode("unicode_escape"), shown)


@pytest.mark.parametrize("mark", ACTING + HIDING)
def test_what_acts_or_hides_is_shown_and_can_be_told(mark: str) -> None:
    text = f"a{mark}b \\ {mark}"
    shown = visible(text)
    assert shown.isprintable()
    assert as_was(shown) == text


def test_plain_text_stays_as_it_is() -> None:
    for text in ("", "sdpa_math ±1.8 % µs → 数学 é", "C:\\data", "a[b=c]", "95\u00a0%"):
        assert visible(text) == text


def test_a_written_escape_is_no_escape() -> None:
    assert visible("\\x1b") == "\\\\x1b" != visible("\x1b") == "\\x1b"


def test_any_text_can_be_told_again() -> None:
    chance = random.Random(5)
    alphabet = "\\\\\\nrtuUx1bé数" + "".join(ACTING + HIDING)
    for _ in range(2000):
        text = "".join(chance.choices(alphabet, k=chance.randrange(9)))
        assert as_was(visible(text)) == text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_an_encoding_gets_the_nearest_it_has(encoding: str) -> None:
    shown = within("±1.8 % µs × 2 … – → ≤ é Å ﬁ 数 e\u0301", encoding)
    shown.encode(encoding)
    assert "?" not in shown
    if encoding == "ascii":
        assert shown == "+/-1.8 % us x 2 ... - -> <= e A fi \\u6570 e"
    if encoding == "utf-8":
        assert "数" in shown


def test_every_sign_the_project_prints_has_a_word_in_ascii() -> None:
    """No sign of our own comes out as an escape."""
    from tests.conftest import ROOT

    files = [p for room in ("bench", "reports", "suites") for p in (ROOT / room).rglob("*.py")]
    signs = {mark for path in files for mark in path.read_text(encoding="utf-8") if ord(mark) > 127}
    assert len(signs) > 5
    for sign in signs:
        assert "\\" not in within(sign, "ascii") or unicodedata.east_asian_width(sign) == "F", sign


def on_a_terminal(encoding: str = "utf-8") -> tuple[Screen, io.BytesIO]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding, NEAREST, write_through=True)
    return Screen(file=stream, force_terminal=True, width=100), raw


STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_acts_on_a_terminal(encoding: str) -> None:
    from rich.padding import Padding
    from rich.table import Table

    hostile = "".join(ACTING + HIDING) + "[bold]:smile:[/] [/]\\["
    screen, raw = on_a_terminal(encoding)
    table = Table(title=hostile)
    table.add_column(hostile)
    table.add_row(hostile)
    screen.print(hostile, style="yellow")
    screen.print(table)
    screen.print(Padding(hostile, 1))
    screen.tell((hostile, "bold"), hostile)
    said = STYLES.sub("", raw.getvalue().decode(encoding))
    assert all(mark.isprintable() or mark == "\n" for mark in said)
    assert "[bold]:smile:[/]" in said


def test_progress_shows_what_it_is_told_as_text() -> None:
    screen, raw = on_a_terminal()
    with TerminalProgress(screen) as progress:
        progress.provision("[/] \x1b]0;owned\x07 [red]", 0.5)
        progress.next("mixture[block=2]\x1b[2J", 3.0)
    said = raw.getvalue().decode()
    assert "\x1b]0;" not in said
    assert "\x1b[2J" not in said
    assert "[/] \\x1b]0;owned\\x07 [red]" in STYLES.sub("", said)
