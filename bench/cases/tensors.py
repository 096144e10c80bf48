"""Find, name, copy and replace the tensors inside a value, whatever shape its author gave it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor

_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, torch.nn.Module)


def tensors_in(value: object) -> list[Tensor]:
    """List the tensors in nested tuples, lists, dicts, dataclasses and other objects.

    In the order in which their containers hold them; one that is held twice is listed twice.
    """
    return [leaf for _, leaf in leaves_of(value) if isinstance(leaf, Tensor)]


def flat(output: object) -> list[Tensor]:
    """List the tensors of an output, detached; a complex one as pairs of real numbers."""
    return [as_real(tensor.detach()) for tensor in tensors_in(output)]


def as_real(tensor: Tensor) -> Tensor:
    """View complex numbers as pairs of real ones, in a new last dimension."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def leaves_of(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield what a value is made of with its path (`hidden_states.0`); `None` is nothing."""
    return _leaves(value, name, frozenset())


def _leaves(value: object, name: str, above: frozenset[int]) -> Iterator[tuple[str, object]]:
    if value is None or id(value) in above:
        return
    children = None if isinstance(value, Tensor) else _children(value)
    if children is None:
        yield name, value
        return
    within = above | {id(value)}
    found = (
        leaf
        for key, child in children
        for leaf in _leaves(child, f"{name}.{key}" if name else key, within)
    )
    if _is_container(value):
        yield from found
    else:  # of an object with a purpose of its own (a cache) the tensors count, no flags
        yield from [leaf for leaf in found if isinstance(leaf[1], Tensor)] or [(name, value)]


def _is_container(value: object) -> bool:
    return isinstance(value, Mapping | tuple | list) or dataclasses.is_dataclass(value)


def _children(value: object) -> list[tuple[str, object]] | None:
    """Return what a container holds, by name; None where it is none."""
    if isinstance(value, Mapping):
        return [(str(key), child) for key, child in value.items()]
    if isinstance(value, tuple | list):
        names = getattr(value, "_fields", range(len(value)))
        return [(str(name), child) for name, child in zip(names, value, strict=True)]
    if isinstance(value, _CODE) or not hasattr(value, "__dict__"):
        return None
    return list(vars(value).items())


def replaced(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Copy a value with `change` of every tensor in its place; a shared one stays shared."""
    return copy.deepcopy(value, {id(tensor): change(tensor) for tensor in tensors_in(value)})


def copied(value: Any) -> Any:
    """Copy a value with all its tensors; a leaf that requires grad becomes a new one."""
    return replaced(value, lambda t: t.detach().clone().requires_grad_(t.requires_grad))


def same(left: object, right: object) -> bool:
    """Say whether two values hold equal tensors in the same places; NaN equals NaN."""
    ours, theirs = list(_by_path(left)), list(_by_path(right))
    return len(ours) == len(theirs) and all(
        name == other and _equal(a, b) for (name, a), (other, b) in zip(ours, theirs, strict=True)
    )


def _by_path(value: object) -> Iterator[tuple[str, Tensor]]:
    return ((name, leaf) for name, leaf in leaves_of(value) if isinstance(leaf, Tensor))


def _equal(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())
