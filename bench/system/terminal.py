"""The one door to the terminal: whatever is printed is one line of text, and never a command.

Names, details and messages come from run folders, files and processes of others. A string is shown
as it is, without markup; what is not to be seen is made visible; what the terminal's encoding lacks
is written by the nearest that it has.
"""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from bench.system.text import visible, within


class Screen(Console):
    """A console for text of others: markup only where a caller asks for it with `markup=True`."""

    def __init__(self, stderr: bool = False, **options: Any):
        plain = {"markup": False, "highlight": False, "emoji": False, "soft_wrap": False}
        super().__init__(stderr=stderr, **{**plain, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a string, of a table's cell too, what may be shown."""
        return super().render_str(self.shown(text), **options)

    def shown(self, text: str) -> str:
        return within(visible(text), self.encoding)

    def tell(self, *parts: str | tuple[str, str], wrap: bool = True) -> None:
        """Print parts, each a text or a text and its style, as one line."""
        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        made = Text.assemble(*((self.shown(text), style) for text, style in pairs))
        self.print(made, soft_wrap=not wrap)


def relay(said: str) -> None:
    """Pass on to stderr what a process of ours printed, line by line."""
    screen = Screen(stderr=True, soft_wrap=True)
    for line in said.splitlines():
        screen.print(line)


def complain(message: str) -> None:
    """Print the one line of a refusal on stderr."""
    sys.stdout.flush()
    screen = Screen(stderr=True)
    screen.tell(("error", "bold red"), f": {message}", wrap=False)
