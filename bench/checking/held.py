"""What a step holds: the modules and tensors that can be reached from it."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from torch import Tensor, nn

_MOST_OBJECTS = 50_000  # near ones come first; beyond lies the interpreter, not the step
_NOTHING_WITHIN = (type, ModuleType, CodeType, FrameType, str, bytes, int, float, complex)


def modules_held(step: Callable[[Any], Any]) -> list[nn.Module]:
    """Return the modules that a step holds, nearest first."""
    return [held for held in reachable(step) if isinstance(held, nn.Module)]


def tensors_held(step: object) -> list[Tensor]:
    """Return the tensors that a step holds: weights, buffers, tables, memories."""
    return [held for held in reachable(step) if isinstance(held, Tensor)]


def reachable(root: object) -> Iterator[object]:
    """Yield what can be reached from an object: attributes, closures, named globals, items."""
    seen: set[int] = set()
    waiting = deque([root])
    while waiting and len(seen) < _MOST_OBJECTS:
        found = waiting.popleft()
        if id(found) in seen or isinstance(found, _NOTHING_WITHIN):
            continue
        seen.add(id(found))
        yield found
        waiting.extend(_referents(found))


def _referents(value: object) -> list[object]:
    if isinstance(value, Tensor):
        return []
    if isinstance(value, FunctionType):
        named = [value.__globals__.get(name) for name in value.__code__.co_names]
        return [value.__closure__, value.__defaults__, value.__kwdefaults__, *named]
    return gc.get_referents(value)
