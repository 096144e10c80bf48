"""Paths as they may be published, and back: what a run must find again is hidden without loss.

A path in a folder that is hidden begins with the folder's mark (`~/x.npy`), and the names of user
and host have theirs (`<user>`), wherever they are. Text that looks like a mark already is escaped,
as in `%7E/x.npy`; so is what looks like an escape, a control character, and a byte that is no
text, as in `caf%E9`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

_LONE = 0xDC00  # + a byte: how Python holds a byte of a path that is no text
_NEVER = r"(?!)"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_DEVICES = (
    (re.compile(r"\b(?:GPU|MIG)-(?:GPU-)?(?=[\w-]*\d)[0-9a-fA-F-]{6,}\b(?:/\d+)*"), "<device>"),
    (re.compile(rf"\b{_UUID}\b"), "<device>"),
    (re.compile(r"\b[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\b"), "<bus>"),
    (re.compile(r"\b(busId:? )[0-9a-fA-F]+\b"), r"\1<bus>"),  # NCCL's way
)
# what marks and escapes begin with, and what no line of a file should hold
_ODD = re.compile("[%<\x00-\x1f\x7f\udc80-\udcff]")


@dataclass(frozen=True)
class Redaction:
    """What is hidden, by mark: absolute folders without a slash at the end, and names."""

    folders: Mapping[str, str]
    names: Mapping[str, str]

    def hide(self, text: str) -> str:
        """Return the text without folders and names; `show` undoes it exactly.

        What has no slash is no path: a problem's value may be called like a user.
        """
        for mark, folder in self.folders.items():
            if text == folder or text.startswith(f"{folder}/"):
                return mark + self._hide_names(text[len(folder) :])
        if self._begins_marked.match(text):
            return _escaped(text[0]) + self._hide_names(text[1:])
        return self._hide_names(text) if "/" in text else self._escape(text)

    def show(self, text: str) -> str:
        """Return the text that `hide` was given."""
        mark = found[0] if (found := self._begins_marked.match(text)) else ""
        rest = self._marks_and_escapes.sub(self._shown, text[len(mark) :])
        return self.folders.get(mark, "") + rest

    def _hide_names(self, text: str) -> str:
        """Replace whole names, and escape what is between them."""
        marks = {name: mark for mark, name in self.names.items()}
        parts = self._whole_names.split(text)
        return "".join(
            marks[part] if place % 2 else self._escape(part) for place, part in enumerate(parts)
        )

    @staticmethod
    def _escape(text: str) -> str:
        return _ODD.sub(lambda match: _escaped(match[0]), text)

    def _shown(self, match: re.Match[str]) -> str:
        if match["mark"]:
            return self.names[match["mark"]]
        value = int(match["code"], 16)
        return chr(value if value < 0x80 else _LONE + value)

    @cached_property
    def _begins_marked(self) -> re.Pattern[str]:
        return re.compile(rf"({_either(self.folders)})(?=/|\Z)")

    @cached_property
    def _whole_names(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.-])({_either(self.names.values())})(?![\w-])")

    @cached_property
    def _marks_and_escapes(self) -> re.Pattern[str]:
        return re.compile(rf"(?P<mark>{_either(self.names)})|%(?P<code>[0-9A-F]{{2}})")


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words)) or _NEVER


def _escaped(character: str) -> str:
    return f"%{ord(character) & 0xFF:02X}"


def without_devices(text: str) -> str:
    """Replace UUIDs of devices and their addresses on the bus, as drivers and libraries tell them.

    They are of one machine alone, and no run has to find them again.
    """
    for pattern, mark in _DEVICES:
        text = pattern.sub(mark, text)
    return text


def writable(text: str) -> str:
    """Escape what no file of UTF-8 can hold."""
    return re.sub("[\ud800-\udfff]", lambda match: _escaped(match[0]), text)
