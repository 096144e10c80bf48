"""Who else holds the memory of an output: nothing is written to what is not proven to be ours."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache as once
from typing import Any

import torch
from torch import Tensor

from bench.cases.tensors import tensors_in

_POISON_BYTE = 255  # all bits set: NaN in every floating type


def aliases(returned: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refer anew, detached, to every tensor that a call returned, whatever container it is in.

    Let go of what was returned, and these are the only references that are not the step's own.
    """
    return tuple(_alias(one) for one in returned)


def _alias(one: object) -> Tensor | list[Tensor] | None:
    if isinstance(one, Tensor):
        return one.detach()
    return None if one is None else [tensor.detach() for tensor in tensors_in(one)]


def ours_alone(outputs: Sequence[Tensor], inputs: Any) -> list[bool]:
    """Say of each output whether only these references are left to its memory.

    torch counts who holds a storage: a weight, a buffer, a cached result, a saved activation or a
    view of one adds to it. Memory that torch did not allocate for a tensor (NumPy's, a CUDA
    graph's) may be held by others all the same. `outputs` must be the caller's own, detached.
    """
    taken = {memory_of(tensor) for tensor in tensors_in(inputs)}
    holding = Counter(memory_of(output) for output in outputs)
    return [
        memory_of(output) not in taken
        and holders(output) == holding[memory_of(output)]
        and output.untyped_storage().resizable()
        for output in outputs
    ]


def shared_with(output: Tensor, others: Any) -> bool:
    """Say whether an output lies in the memory of one of these tensors."""
    return memory_of(output) in {memory_of(tensor) for tensor in tensors_in(others)}


def poison_storage(output: Tensor) -> None:
    """Fill all memory of an output with NaN (integers: all bits set)."""
    memory = torch.empty(0, dtype=torch.uint8, device=output.device)
    memory.set_(output.untyped_storage()).fill_(_POISON_BYTE)


def poison_part(output: Tensor) -> None:
    """Fill the elements of an output with NaN, and nothing around them (integers: the lowest)."""
    with torch.inference_mode():  # what was made in that mode cannot be written outside of it
        output.fill_(_poison(output.dtype))


def poisoned(output: Tensor) -> bool:
    """Say whether all of an output is what `poison_part` filled it with."""
    found = output != output if output.is_floating_point() else output == _poison(output.dtype)
    return bool(found.all())


def _poison(dtype: torch.dtype) -> float:
    if dtype.is_floating_point or dtype.is_complex:
        return float("nan")
    return 0 if dtype == torch.bool else torch.iinfo(dtype).min


def memory_of(tensor: Tensor) -> int | None:
    """Return where a tensor's storage begins; None of one that has no single storage to name.

    A sparse tensor has several, a wrapper (a distributed or a functional tensor) has none.
    """
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return None


def holders(tensor: Tensor) -> int | None:
    """Count the tensors that hold this one's storage; None where torch does not tell."""
    if memory_of(tensor) is None or not hasattr(torch._C, "_storage_Use_Count"):
        return None
    return _count(tensor) - _counted_alone()


@once
def _counted_alone() -> int:
    """Return what is counted beyond the tensors themselves: the question holds it as well."""
    return _count(torch.empty(1)) - 1


def _count(tensor: Tensor) -> int:
    storage = tensor.untyped_storage()
    count: int = torch._C._storage_Use_Count(storage._cdata)
    return count + sys.getrefcount(storage)  # one object stands for a storage in Python
