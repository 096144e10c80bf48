"""Switch: one thing that can be set for a whole process or thread, and that changes what runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

# `asked` is what a case says of itself, or takes for granted: nobody may change it. A variant may
# be made of the kinds after it (`bench.cases.variant.SWITCHES`), and then says so. What is `told`
# makes no label untrue.
Kind = Literal["asked", "precision", "attention", "kernels", "denormals", "told"]


@dataclass(frozen=True)
class Switch:
    """How to read one switch, and how to put it back; None where nothing can."""

    name: str
    kind: Kind
    read: Callable[[], Any]
    put_back: Callable[[Any], Any] | None = None


def text(value: Any) -> str:
    """Write a value of a switch as a reader would: `float64` for torch.float64."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | frozenset):
        return ",".join(sorted(map(text, value))) or "none"
    return str(value).removeprefix("torch.")
