"""What torch's dispatcher knows of an operator by its name: is it made of others, is it a view?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

_MADE_OF_OTHERS = "CompositeImplicitAutograd"


def made_of_others(names: Iterable[str]) -> list[str]:
    """Name the operators that do nothing but call others: linear, matmul, reshape."""
    return sorted(name for name in names if any(map(_is_composite, _overloads(name))))


def views(names: Iterable[str]) -> list[str]:
    """Name the operators whose result is its input's memory, unchanged: transpose, expand."""
    return sorted(name for name in names if (o := _overloads(name)) and all(map(_is_view, o)))


def _overloads(name: str) -> list[Any]:
    """Return the operator of each signature; none of what the dispatcher does not know."""
    space, _, short = name.partition("::")
    packet = getattr(getattr(torch.ops, space, None), short, None) if short.isidentifier() else None
    if not isinstance(packet, torch._ops.OpOverloadPacket):
        return []
    found = [getattr(packet, overload) for overload in packet.overloads()]
    return [one for one in found if torch._C._dispatch_has_kernel(one.name())]  # not of TorchScript


def _is_composite(overload: Any) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), _MADE_OF_OTHERS)


def _is_view(overload: Any) -> bool:
    return bool(overload.is_view)
