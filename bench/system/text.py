r"""Text that comes from data, made harmless to show: what acts or hides is written as an escape.

A terminal obeys ESC and carriage returns, a reader is misled by bidirectional controls, and a new
line forges a line. All of them are shown as Python writes them (`\x1b`, `\u202e`, `\n`). A
backslash that could be taken for the beginning of such an escape is doubled, so that what was there
can be told exactly.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import Any

NEAREST = "touchstone-nearest"  # a codec's error handler; see `degrade`

_BEGIN_ESCAPES = "\\nrtuUx"  # what may follow a backslash in an escape
_ASCII = {
    "±": "+/-",
    "×": "x",
    "α": "alpha",
    "β": "beta",
    "µ": "u",
    "μ": "u",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "·": "-",
    "•": "*",
    "→": "->",
    "←": "<-",
    "≤": "<=",
    "√": "sqrt ",
    "≥": ">=",
    "≈": "~",
    "°": "deg",
    "∞": "inf",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "─": "-",
    "━": "-",
    "│": "|",
    "┃": "|",
}


def visible(text: str) -> str:
    """Return one line in which nothing acts and nothing hides."""
    if text.isprintable() and "\\" not in text:
        return text
    following = [*text[1:], " "]
    return "".join(_shown(mark, after) for mark, after in zip(text, following, strict=True))


def _shown(mark: str, after: str) -> str:
    if mark == "\\":
        return r"\\" if after in _BEGIN_ESCAPES or _hidden(after) else mark
    return _escape(mark) if _hidden(mark) else mark


def _hidden(mark: str) -> bool:
    """Say whether a character is no sign: control, format, surrogate, or of no known meaning."""
    return not mark.isprintable() and unicodedata.category(mark) != "Zs"


def _escape(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")


def decodable(value: Any) -> Any:
    """Return plain data in which no text has bytes that are none: of a name of a file, for one."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {decodable(name): decodable(part) for name, part in value.items()}
    return [decodable(part) for part in value] if isinstance(value, list) else value


def within(text: str, encoding: str) -> str:
    """Return a text in which every character is one that an encoding has, or stands for it."""
    register()
    return text.encode(encoding, NEAREST).decode(encoding)


def register() -> None:
    """Let streams and codecs write the nearest that they can, under the name `NEAREST`."""
    codecs.register_error(NEAREST, _nearest)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_in_ascii, error.object[error.start : error.end])), error.end


def _in_ascii(mark: str) -> str:
    """Write a character in ASCII: by its name among typists, without its accents, or as escape."""
    if mark in _ASCII:
        return _ASCII[mark]
    bare = unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode("ascii")
    if unicodedata.combining(mark):
        return ""
    return bare or _escape(mark)
