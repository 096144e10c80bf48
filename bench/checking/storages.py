"""The memory behind tensors: storages by address, each byte once, however it is held."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

import torch

from bench.cases.tensors import tensors_in

Span = tuple[int, int]  # address and length of a storage, in bytes

# The parts that a sparse tensor is made of, by layout.
_SPARSE_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}


def bytes_by_kind(tensors: Mapping[str, object]) -> dict[str, int]:
    """Return the bytes of distinct storages by kind; one shared by two kinds counts for the first.

    `tensors` is what a training step's `tensors_by_kind()` returns.
    """
    counted: list[Span] = []
    found = {}
    for kind, value in tensors.items():
        before = covered_bytes(counted)
        counted += [span for tensor in tensors_in(value) for span in spans_of(tensor)]
        found[kind] = covered_bytes(counted) - before
    return found


def storage_bytes(value: object) -> int:
    """Sum the distinct storages of the tensors in a value, in bytes."""
    return covered_bytes(span for tensor in tensors_in(value) for span in spans_of(tensor))


def spans_of(tensor: torch.Tensor) -> list[Span]:
    """Locate the storages behind a tensor: a wrapper's are those of the tensors it wraps.

    Nothing where there is no memory of its own: a fake or functional tensor of a compiler, one of
    vmap, one on no device. What a layout hides (oneDNN's) is not found either.
    """
    with torch._C.DisableTorchFunctionSubclass():
        return _own_span(tensor) or [s for part in _parts(tensor) for s in spans_of(part)]


def _own_span(tensor: torch.Tensor) -> list[Span]:
    try:
        storage = tensor.untyped_storage()
        if storage.device.type == "meta":  # a compiler's stand-in, whatever device it claims
            return []
        if torch._C._is_cow_tensor(tensor):  # type: ignore[attr-defined]
            return [_span_of_copy_on_write(tensor)]
        span = (storage.data_ptr(), storage.nbytes())
    except RuntimeError:  # it has no storage, or may not show it
        return []
    return [span] if all(span) else []


def _span_of_copy_on_write(tensor: torch.Tensor) -> Span:
    """Ask the tensor: asking the storage for its address would make it copy."""
    address = torch._C._data_address(tensor)  # type: ignore[attr-defined]
    offset = tensor.storage_offset() * tensor.element_size()
    return int(address - offset), tensor.untyped_storage().nbytes()


def _parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Return what a sparse tensor is made of, or what a wrapper wraps."""
    if tensor.layout in _SPARSE_PARTS:
        return [getattr(tensor, name)() for name in _SPARSE_PARTS[tensor.layout]]
    if type(tensor) in (torch.Tensor, torch.nn.Parameter):
        return []
    flatten: Any = getattr(tensor, "__tensor_flatten__", None)
    held = [getattr(tensor, name) for name in flatten()[0]] if flatten else vars(tensor).values()
    return [part for part in held if isinstance(part, torch.Tensor) and part is not tensor]


def covered_bytes(spans: Iterable[Span]) -> int:
    """Count the bytes that lie in at least one span: storages may overlap, as NumPy's views do."""
    ordered = sorted((address, address + length) for address, length in spans)
    ends = accumulate((end for _, end in ordered), max, initial=0)
    gaps = zip(ordered, ends, strict=False)  # each with the end of all before it
    return sum(max(end - max(begin, before), 0) for (begin, end), before in gaps)
