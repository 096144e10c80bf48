"""Find the tensors inside a set of inputs, whatever shape its author gave it."""

from collections.abc import Mapping

import torch


def tensors_in(value: object) -> list[torch.Tensor]:
    """List the tensors in nested tuples, lists, dicts and dataclass instances."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, tuple | list):
        children = list(value)
    else:
        children = list(vars(value).values()) if hasattr(value, "__dict__") else []
    return [tensor for child in children for tensor in tensors_in(child)]


def bytes_by_kind(tensors: Mapping[str, object]) -> dict[str, int]:
    """Return the bytes of distinct storages by kind; one shared by two kinds counts for the first.

    `tensors` is what a training step's `tensors_by_kind()` returns.
    """
    seen: set[int] = set()
    found = {}
    for kind, value in tensors.items():
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors_in(value)}
        found[kind] = sum(s.nbytes() for pointer, s in storages.items() if pointer not in seen)
        seen |= storages.keys()
    return found


def storage_bytes(value: object) -> int:
    """Sum the distinct storages of the tensors in a value, in bytes."""
    storages = (tensor.untyped_storage() for tensor in tensors_in(value))
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
