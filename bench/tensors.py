"""Find the tensors inside a set of inputs, whatever shape its author gave it."""

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


def storage_bytes(value: object) -> int:
    """Sum the distinct storages of the tensors in a value, in bytes."""
    storages = (tensor.untyped_storage() for tensor in tensors_in(value))
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
